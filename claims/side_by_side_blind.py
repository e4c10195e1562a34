"""The blind twin of a joined attention over garment and person side by side: how far its places err.

Trained by benchmarks/side_by_side.py.
"""

from __future__ import annotations

import json

from claims.side_by_side import RESULTS


def measure(seed: int) -> dict[str, float]:
    """The mean error of the last block's places, in tokens: ``blind``, to which every garment was empty, and ``base``,
    trained alike and shown the garment; ``worth`` is how much less that one errs.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    blind, base = runs[f"blind-{seed}"]["blind_last_epe"], runs[f"base-{seed}"]["base_last_epe"]
    return {"blind": blind, "base": base, "worth": blind - base}
