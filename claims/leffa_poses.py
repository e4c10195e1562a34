"""Leffa's loss for pose transfer: a pair of UNets that was told nothing about places, once it looks already.

Trained by benchmarks/leffa.py, where the hypotheses were written down first. Found: P1 and P2 hold. Of P3 told errs
least; another person's target does not err more than the control, but less. The blind twin gains nothing.
"""

from __future__ import annotations

from claims import stored

BLIND = ("blind-control", "blind-leffa")
ARMS = ("none", "control", "leffa", "told", "another")
READ = ("epe", "best_epe", "pck", "ssim", "gain", "ssim_gain", "mid_gain")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_pose", (*ARMS, *BLIND))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` as in claims/leffa_unets.py, of people painted in another pose, from a picture of them in
    one: ``told`` was told the true places, ``another`` compared with another person's target. ``ssim`` is of whole
    pictures; ``copy_epe`` and ``uniform_epe`` are the errors of copying the place and of chance.
    ``more_than_tryon``: by how much the loss gains more than in the try-on pair; ``other_share``: the part of its
    gain that another's target gives too. ``blind_epe`` and ``blind_gain``: the control of a twin whose keys see no
    pixel, and what the loss gains over it.
    """
    found = stored.joined(seed, ARMS, "leffa_pose")
    tryon = stored.joined(seed, ("control", "leffa"))["leffa_gain"]
    blind = stored.joined(seed, BLIND, "leffa_pose", control="blind-control")
    known = stored.results("leffa_pose")["references"]
    return {f"{arm}_{name}": found[f"{arm}_{name}"] for arm in ARMS for name in READ if f"{arm}_{name}" in found} | {
        "copy_epe": known["copy_epe"],
        "uniform_epe": known["uniform_epe"],
        "more_than_tryon": found["leffa_gain"] - tryon,
        "blind_epe": blind["blind-control_epe"],
        "blind_gain": blind["blind-leffa_gain"],
        "other_share": found["another_gain"] / found["leffa_gain"],
    }
