"""Does the matcher look at the garment, or does it know where things usually lie? Its blind twin, by seeds.

Trained by benchmarks/blind.py, where the hypotheses were written down first. One failed: "What was trained on garments
laid straight hardly does" (err more when shown another garment's pixels). On straight garments the probe cannot tell;
on garments laid anyhow it does err more (``transfer_rise``).
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "blind_matcher.json"


def measure(seed: int) -> dict[str, float]:
    """Errors in tokens. ``straight_`` was trained and tested on garments laid straight, the rest on anyhow.

    ``gap`` is how much the blind twin errs more, ``outline_gap`` how much it errs more than the outline twin; ``rise``
    is how much the seeing one errs more when its keys are shown another garment's pixels, ``moved`` how far its centres
    then move; ``mask_rise`` how much the blind twin errs more with another garment's mask. ``transfer`` is of garments
    laid anyhow after training on straight ones. ``aligned`` is the person's mask laid over the garment's, without
    training; ``cloth`` attention uniform over the garment's mask.
    """
    found = json.loads(RESULTS.read_text(encoding="utf8"))
    runs, anyhow, straight = found["runs"], found["untrained"]["anyhow"], found["untrained"]["straight"]
    arms = {
        "seeing": runs[f"garment-anyhow-{seed}"]["anyhow"],
        "blind": runs[f"place-anyhow-{seed}"]["anyhow"],
        "outline": runs[f"outline-anyhow-{seed}"]["anyhow"],
        "straight_seeing": runs[f"garment-straight-{seed}"]["straight"],
        "straight_blind": runs[f"place-straight-{seed}"]["straight"],
        "straight_outline": runs[f"outline-straight-{seed}"]["straight"],
    }
    transfer = runs[f"garment-straight-{seed}"]["anyhow"]
    error = {name: arm["epe"] for name, arm in arms.items()}
    gap, straight_gap = error["blind"] - error["seeing"], error["straight_blind"] - error["straight_seeing"]
    return {
        **error,
        **{f"{name}_mass": arm["mass"] for name, arm in arms.items()},
        "gap": gap,
        "straight_gap": straight_gap,
        "outline_gap": error["blind"] - error["outline"],
        "outline_better": error["seeing"] - error["outline"],
        "straight_outline_gap": error["straight_blind"] - error["straight_outline"],
        "outline_transfer": runs[f"outline-straight-{seed}"]["anyhow"]["epe"],
        "other": arms["seeing"]["other"],
        "rise": arms["seeing"]["other"] - error["seeing"],
        "blind_other_mask": arms["blind"]["other_mask"],
        "mask_rise": arms["blind"]["other_mask"] - error["blind"],
        "moved": arms["seeing"]["moved"],
        "straight_moved": arms["straight_seeing"]["moved"],
        "straight_other": arms["straight_seeing"]["other"],
        "straight_rise": arms["straight_seeing"]["other"] - error["straight_seeing"],
        "transfer": transfer["epe"],
        "transfer_rise": transfer["other"] - transfer["epe"],
        "aligned": anyhow["aligned_epe"],
        "straight_aligned": straight["aligned_epe"],
        "over_aligned": anyhow["aligned_epe"] - error["seeing"],
        "cloth": anyhow["cloth_epe"],
        "straight_cloth": straight["cloth_epe"],
        "cloth_mass": anyhow["cloth_mass"],
        "straight_cloth_mass": straight["cloth_mass"],
        "copy": arms["seeing"]["copy"],
        "straight_copy": arms["straight_seeing"]["copy"],
    }
