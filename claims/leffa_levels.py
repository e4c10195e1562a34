"""Leffa's loss on its pair of UNets: noise levels, temperatures and weights.

Trained by benchmarks/leffa.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = ("control", "leffa", "low", "high", "tau-half", "tau-one", "tau-four", "paper", "strong")
KEPT = ("epe", "gain", "mid_gain", "ssim")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_pair", ARMS)


def measure(seed: int) -> dict[str, float]:
    """``ARM_epe``, ``ARM_gain`` and ``ARM_mid_gain`` over the control, and ``ARM_ssim``, as in leffa_unets.py: one
    base, 60 steps more, garments laid anyhow. ``low`` and ``high``: the loss below noise level 500 of 1,000 alone, and
    from there on. ``tau_...``: its temperature, 2 otherwise. ``paper``: the paper's weight below level 500; ``strong``:
    ten times ours. ``high_over_low`` and ``two_over_half`` are by how much less the first errs than the second.
    """
    found = stored.joined(seed, ARMS)
    chosen = {f"{arm}_{name}" for arm in ARMS for name in KEPT} & found.keys()
    read = {name.replace("-", "_"): found[name] for name in sorted(chosen)}
    return read | {
        "high_over_low": read["low_epe"] - read["high_epe"],
        "two_over_half": read["tau_half_epe"] - read["leffa_epe"],
    }
