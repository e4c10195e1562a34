"""Do latents move and mix as pictures do? Two autoencoders, by sets of people.

Measured by benchmarks/latents.py, where the hypotheses were written down first. One failed: that exact blocks of two by
two pixels move worse than the shipped latents (``over_blocks`` is how much better these are; it is negative).
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "latents.json"


def measure(seed: int) -> dict[str, float]:
    """SSIM inside the garment and colour errors of 255, for one set of people; ``unmoved``: the earlier autoencoder."""
    found = json.loads(RESULTS.read_text(encoding="utf8"))
    shipped, unmoved = (found["runs"][name]["sets"][seed] for name in ("shipped", "unmoved"))
    return {
        **found["untrained"][seed],
        **{name: shipped[name] for name in ("moved", "own", "mean_error", "own_error")},
        **{f"unmoved_{name}": unmoved[name] for name in ("moved", "own", "mean_error", "own_error")},
        "gap": shipped["own"] - shipped["moved"],
        "share": shipped["moved"] / shipped["own"],
        "unmoved_gap": unmoved["own"] - unmoved["moved"],
        "unmoved_share": unmoved["moved"] / unmoved["own"],
        "over_blocks": shipped["moved"] - found["untrained"][seed]["blocks"],
    }
