"""Leffa's loss on its pair of UNets: on some layers, over all keys, beside the truth and another person's target.

Trained by benchmarks/leffa.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = ("control", "leffa", "told", "another", "two-n", "fine", "coarse")
KEPT = ("epe", "gain", "mid_epe", "mid_gain", "ssim")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_pair", ARMS)


def measure(seed: int) -> dict[str, float]:
    """``ARM_epe``, ``ARM_gain`` over the control, the same of the coarse attention (``mid``), and ``ARM_ssim``, as in
    claims/leffa_unets.py: one base, 60 steps more, garments laid anyhow. ``told``: the true places. ``another``: the
    loss with the next person's picture as target. ``two_n``: over all keys. ``fine``, ``coarse``: on the two attentions
    that paint, or on the middle alone; ``fine_over_all`` and ``over_another`` are by how much less ``fine`` errs than
    ``leffa``, and ``leffa`` than ``another``.
    """
    found = stored.joined(seed, ARMS)
    chosen = {f"{arm}_{name}" for arm in ARMS for name in KEPT} & found.keys()
    read = {name.replace("-", "_"): found[name] for name in sorted(chosen)}
    return read | {
        "fine_over_all": read["leffa_epe"] - read["fine_epe"],
        "over_another": read["another_epe"] - read["leffa_epe"],
    }
