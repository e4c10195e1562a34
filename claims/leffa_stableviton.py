"""What Leffa's loss, unchanged, does to a StableVITON that was told nothing about places and looks already.

Trained by benchmarks/leffa.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "control", "leffa", "paper", "told")
READINGS = ("epe", "strongest", "pck", "mass", "swaps", "entropy", "spread", "reach")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_stableviton", ARMS)


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, garments laid anyhow: ``none`` is the base of claims/variation_stableviton.py, the others go on
    from it for 100 steps: ``control`` without a loss, ``leffa`` at a tenth's dose, ``paper`` with the paper's weight
    and noise levels, ``told`` with the true places.

    Readings (benchmarks/readings.py) are the means of the two finest attentions, lengths in tokens; ``pck`` is the
    share of places within a token, ``ssim`` masked SSIM of pictures painted in one step, ``fid`` and ``kid`` are of
    the features of the world's classifier. ``ARM_gain``, ``ARM_mass_gain`` and ``ARM_ssim_gain`` are over the control.
    """
    arms = {}
    for arm in ARMS:
        run = stored.run("leffa_stableviton", f"{arm}-{seed}")
        arms[arm] = {name: sum(run[block][name] for block in stored.FINEST) / len(stored.FINEST) for name in READINGS}
        arms[arm] |= {"ssim": run["masked_ssim"], "fid": run["fid"], "kid": run["kid"]}
    found = {f"{arm}_{name}": value for arm, scores in arms.items() for name, value in scores.items()}
    for arm in arms.keys() - {"control"}:
        found[f"{arm}_gain"] = arms["control"]["epe"] - arms[arm]["epe"]
        for name in ("mass", "ssim"):
            found[f"{arm}_{name}_gain"] = arms[arm][name] - arms["control"][name]
    return found
