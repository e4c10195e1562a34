"""What Leffa's loss does to a twin of its pair that sees no pixel of the garment, beside the seeing pair.

Trained by benchmarks/leffa.py, where the hypothesis, D7, was written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = ("blind-control", "blind-leffa")
SEEING = ("control", "leffa")
KEPT = ("epe", "mid_epe", "first_epe", "mass", "pck", "ssim")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_pair", (*ARMS, *SEEING))


def measure(seed: int) -> dict[str, float]:
    """``base_READING``: the twin's base, 2,400 steps, one for all seeds; ``control_...`` and ``leffa_...`` go on from
    it for 60, without a loss and with Leffa's, as in claims/leffa_unets.py. ``gain``, ``mid_gain``, ``first_gain`` and
    ``ssim_gain`` are over the twin's control, ``seeing_...`` the seeing pair's over its own; ``gap``, ``first_gap``:
    by how much more the loss gains in the seeing one. ``sees``: by how much less the seeing control errs."""
    blind, seeing = stored.joined(seed, ARMS, control="blind-control"), stored.joined(seed, SEEING)
    base = stored.joined(0, ("blind",), control="blind")
    found = {f"base_{name}": base[f"blind_{name}"] for name in KEPT}
    found |= {f"{arm}_{name}": blind[f"blind-{arm}_{name}"] for arm in SEEING for name in KEPT}
    gains = ("gain", "mid_gain", "first_gain", "ssim_gain")
    found |= {name: blind[f"blind-leffa_{name}"] for name in gains}
    found |= {f"seeing_{name}": seeing[f"leffa_{name}"] for name in gains}
    return found | {
        "gap": found["seeing_gain"] - found["gain"],
        "first_gap": found["seeing_first_gain"] - found["first_gain"],
        "sees": found["control_epe"] - seeing["control_epe"],
    }
