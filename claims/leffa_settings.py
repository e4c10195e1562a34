"""Leffa's loss on its pair of UNets: each of the paper's choices changed, beside the truth and another's target.

Trained by benchmarks/leffa.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims.leffa_unets import arms_of

ARMS = ("control", "leffa", "told", "another", "two-n", "fine", "coarse", "low", "high", "tau-half", "tau-one", "tau-four")
KEPT = ("epe", "gain", "mid_epe", "mid_gain", "ssim")


def measure(seed: int) -> dict[str, float]:
    """``ARM_epe``, ``ARM_gain`` over the control, the same of the coarse attention (``mid``), and ``ARM_ssim``, as in
    claims/leffa_unets.py: one base, 60 steps more, garments laid anyhow. ``told``: the true places. ``another``: the
    loss with the next person's picture as target. ``two_n``: over all keys. ``fine``, ``coarse``: on the two attentions
    that paint, or on the middle alone. ``low``, ``high``: below 500 of 1,000 noise levels, or from there on. ``tau``:
    the temperature, 2 in ``leffa``.
    """
    found = arms_of(seed, ARMS)
    chosen = {f"{arm}_{name}" for arm in ARMS for name in KEPT} & found.keys()
    return {name.replace("-", "_"): found[name] for name in sorted(chosen)}
