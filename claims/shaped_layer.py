"""Total variation on one attention of a StableVITON that was told nothing, on each of its four in turn.

Trained by benchmarks/shaping.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored

LAYERS = (*stored.FINEST, "warps.2", "warps.3")
ARMS = {"base": "deep", "control": "deep-control", **{f"on_{n}": f"deep-{n}" for n in range(len(LAYERS))}}


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("shaping", (f"anyhow-{arm}" for arm in ARMS.values()))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING_N``: what is read from attention ``N``, 0 and 1 of 16x12 tokens, 2 and 3 of 8x6, errors in steps of
    16x12, jumps in those of its own lattice; ``base`` was trained for 400 steps, ``control`` for 100
    more, ``on_N`` too, with total variation on attention N alone, at a dose of a tenth; garments laid anyhow.

    ``ARM_epe`` is the error of the two finest, ``ARM_gain`` how much less that is than the control's, ``ARM_ssim`` the
    masked SSIM; ``own_N`` how much more attention N errs than in the control where the loss is on it, and ``spill`` how
    much more the finest err, at most, where it is on a coarse one, as a share of the control's error.
    """
    found: dict[str, float] = {"uniform_epe": stored.references("anyhow")["uniform_epe"]}
    for arm, name in ARMS.items():
        run = stored.run("shaping", f"anyhow-{name}-{seed}")
        for n, layer in enumerate(LAYERS):
            found |= {f"{arm}_{reading}_{n}": run[layer][reading] for reading in ("epe", "slope")}
        found[f"{arm}_epe"] = sum(run[layer]["epe"] for layer in stored.FINEST) / len(stored.FINEST)
        found[f"{arm}_ssim"] = run["masked_ssim"]
    for arm in ARMS.keys() - {"base", "control"}:
        found[f"{arm}_gain"] = found["control_epe"] - found[f"{arm}_epe"]
        found[f"{arm}_ssim_gain"] = found[f"{arm}_ssim"] - found["control_ssim"]
    own = {f"own_{n}": found[f"on_{n}_epe_{n}"] - found[f"control_epe_{n}"] for n in range(len(LAYERS))}
    spill = max(-found[f"on_{n}_gain"] for n in (2, 3)) / found["control_epe"]
    return found | own | {"spill": spill}
