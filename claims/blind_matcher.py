"""Does the matcher look at the garment, or does it know where things usually lie? Its blind twin, by seeds.

Trained by benchmarks/blind.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "blind_matcher.json"


def measure(seed: int) -> dict[str, float]:
    """Errors in tokens. ``straight_`` was trained and tested on garments laid straight, the rest on anyhow.

    ``gap`` is how much the blind twin errs more, ``rise`` how much the seeing one does when its keys are shown another
    garment's pixels; ``transfer`` is of garments laid anyhow after training on straight ones.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    arms = {
        "seeing": runs[f"garment-anyhow-{seed}"]["anyhow"],
        "blind": runs[f"place-anyhow-{seed}"]["anyhow"],
        "outline": runs[f"outline-anyhow-{seed}"]["anyhow"],
        "straight_seeing": runs[f"garment-straight-{seed}"]["straight"],
        "straight_blind": runs[f"place-straight-{seed}"]["straight"],
    }
    transfer = runs[f"garment-straight-{seed}"]["anyhow"]
    error = {name: arm["epe"] for name, arm in arms.items()}
    gap, straight_gap = error["blind"] - error["seeing"], error["straight_blind"] - error["straight_seeing"]
    return {
        **error,
        **{f"{name}_mass": arm["mass"] for name, arm in arms.items()},
        "gap": gap,
        "straight_gap": straight_gap,
        "outline_share": (error["blind"] - error["outline"]) / gap,
        "other": arms["seeing"]["other"],
        "rise": arms["seeing"]["other"] - error["seeing"],
        "straight_other": arms["straight_seeing"]["other"],
        "straight_rise": arms["straight_seeing"]["other"] - error["straight_seeing"],
        "transfer": transfer["epe"],
        "transfer_rise": transfer["other"] - transfer["epe"],
        "transfer_blind": runs[f"place-straight-{seed}"]["anyhow"]["epe"],
        "uniform": arms["seeing"]["uniform_epe"],
        "copy": arms["seeing"]["copy"],
        "straight_uniform": arms["straight_seeing"]["uniform_epe"],
        "straight_copy": arms["straight_seeing"]["copy"],
        "uniform_mass": arms["seeing"]["uniform_mass"],
        "straight_uniform_mass": arms["straight_seeing"]["uniform_mass"],
    }
