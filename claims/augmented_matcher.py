"""Does augmentation make a matcher look? Seeing and blind twins trained on straight garments, moved or not, by seeds.

Trained by benchmarks/augmentation.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
TESTS = ("straight", "moved", "anyhow")
ARMS = {
    "seeing": "garment-separate",
    "blind": "place-separate",
    "plain_seeing": "garment-none",
    "plain_blind": "place-none",
}


def measure(seed: int) -> dict[str, float]:
    """Errors of the centre in tokens, ``seeing_test`` and ``blind_test`` after training with separate moves.

    ``plain_`` is the same without moves. ``aligned_``, ``cloth_`` and ``copy_`` need no training. ``gap`` is how much
    the blind twin errs more on moved garments, ``anyhow_gap`` on garments laid anyhow, ``plain_gap`` on moved ones
    without training on moves, ``more_gap`` the difference. ``turned`` is how much less the seeing one errs on garments
    laid anyhow than without moves, ``price`` how much more on straight ones; ``to_anyhow`` how much more than the one
    trained on garments laid anyhow. ``entropy`` (nats) and ``mass`` (share within 1.5 tokens of the truth) are those of
    the seeing ones' maps, on straight and on moved garments.
    """
    found = json.loads((FOLDER / "augmentation.json").read_text(encoding="utf8"))
    before = json.loads((FOLDER / "blind_matcher.json").read_text(encoding="utf8"))["runs"]
    errors = {}
    for name, arm in ARMS.items():
        run = found["runs"][f"{arm}-{seed}"]
        errors |= {f"{name}_{test}": run[test]["epe"] for test in TESTS}
        if name.endswith("seeing"):
            errors |= {f"{name}_entropy": run["straight"]["entropy"], f"{name}_mass": run["moved"]["mass"]}
    for kind in ("aligned", "cloth", "copy"):
        errors |= {f"{kind}_{test}": found["untrained"][test][f"{kind}_epe"] for test in TESTS}
    return (
        errors
        | differences(errors)
        | {
            "wider": errors["seeing_entropy"] - errors["plain_seeing_entropy"],
            "to_anyhow": errors["seeing_anyhow"] - before[f"garment-anyhow-{seed}"]["anyhow"]["epe"],
        }
    )


def differences(errors: Mapping[str, float]) -> dict[str, float]:
    """What seeing and what moves are worth, from the errors of the four arms on the three tests."""
    gap, plain_gap = (errors[f"{name}blind_moved"] - errors[f"{name}seeing_moved"] for name in ("", "plain_"))
    return {
        "gap": gap,
        "plain_gap": plain_gap,
        "more_gap": gap - plain_gap,
        "anyhow_gap": errors["blind_anyhow"] - errors["seeing_anyhow"],
        "turned": errors["plain_seeing_anyhow"] - errors["seeing_anyhow"],
        "price": errors["seeing_straight"] - errors["plain_seeing_straight"],
    }
