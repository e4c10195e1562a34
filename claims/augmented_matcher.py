"""Does augmentation make a matcher look? Seeing, blind and outline twins trained on straight garments, by seeds.

Trained by benchmarks/augmentation.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
TESTS = ("straight", "moved", "anyhow")
SEE = {"garment": "seeing", "place": "blind"}


def measure(seed: int) -> dict[str, float]:
    """Errors of the centre in tokens, ``seeing_test`` and ``blind_test`` after training with separate moves.

    ``plain_`` is the same without augmentation, of blind_matcher.json. ``aligned_`` and ``cloth_`` need no training.
    ``gap`` is how much the blind twin errs more on moved garments, ``anyhow_gap`` on garments laid anyhow. ``turned``
    is how much less the seeing one errs on garments laid anyhow than without augmentation, ``price`` how much more on
    straight ones; ``to_anyhow`` how much more than the one trained on garments laid anyhow.
    """
    found = json.loads((FOLDER / "augmentation.json").read_text(encoding="utf8"))
    before = json.loads((FOLDER / "blind_matcher.json").read_text(encoding="utf8"))["runs"]
    errors = {}
    for see, name in SEE.items():
        run = found["runs"][f"{see}-separate-{seed}"]
        errors |= {f"{name}_{test}": run[test]["epe"] for test in TESTS}
        plain = before[f"{see}-straight-{seed}"]
        errors |= {f"plain_{name}_{test}": plain[test]["epe"] for test in ("straight", "anyhow")}
    for kind in ("aligned", "cloth"):
        errors |= {f"{kind}_{test}": found["untrained"][test][f"{kind}_epe"] for test in TESTS}
    return errors | {
        "gap": errors["blind_moved"] - errors["seeing_moved"],
        "anyhow_gap": errors["blind_anyhow"] - errors["seeing_anyhow"],
        "turned": errors["plain_seeing_anyhow"] - errors["seeing_anyhow"],
        "price": errors["seeing_straight"] - errors["plain_seeing_straight"],
        "to_anyhow": errors["seeing_anyhow"] - before[f"garment-anyhow-{seed}"]["anyhow"]["epe"],
    }
