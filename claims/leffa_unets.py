"""What Leffa's loss does to its pair of UNets, told nothing about places, once the pair looks already.

Trained by benchmarks/leffa.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "control", "leffa")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_pair", ARMS)


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, garments laid anyhow: ``none`` is the preset's base, 2,400 steps without a loss, one for all
    seeds; the others go on from it for 60: ``control`` without a loss, ``leffa`` with Leffa's on all attentions.

    Readings (benchmarks/readings.py) are the means of the two attentions of the upper half, 16x12 tokens, of the
    reference's part of the keys, lengths in tokens; ``best_epe`` is the error of the better one, ``share`` the weight
    on the reference, ``all_mass`` the mass near the truth of all keys, ``pck`` the share of places within a token.
    ``mid_...`` are of the coarse attention, 8x6 tokens, ``first_...`` of the first. ``ssim`` is masked SSIM of pictures
    painted in one step; ``fid`` and ``kid`` are of the features of the world's classifier. ``ARM_gain``,
    ``ARM_mid_gain``, ``ARM_first_gain``, ``ARM_mass_gain`` and ``ARM_ssim_gain`` are over the control.
    """
    return stored.joined(seed, ARMS)
