"""Whether joined attention over garment and person side by side finds places, and what Leffa's loss does to it.

Trained by benchmarks/side_by_side.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "side_by_side.json"


def measure(seed: int) -> dict[str, float]:
    """``ARM_BLOCK_epe``: the mean error, in tokens, of the map from person to garment in the first or last of two
    blocks; ``_share``: of a token's whole weight, the part on the garment. ``base`` has learned by copying through the
    last block, ``control`` went on copying, ``last`` and ``first`` had Leffa's loss on that block beside it.

    ``last_gain`` and ``first_gain``: how much less that block errs than the control's; ``first_costs``: how much more
    the last block errs with the loss on the first.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = runs[f"base-{seed}"]
    kept = {name: value for name, value in found.items() if name.endswith(("_epe", "_share"))}
    return kept | {
        "last_gain": found["control_last_epe"] - found["last_last_epe"],
        "first_gain": found["control_first_epe"] - found["first_first_epe"],
        "first_costs": found["first_last_epe"] - found["control_last_epe"],
    }
