"""Does attention learn where to look from colours alone? The matcher of the chapter on cross-attention, by seeds.

Trained by benchmarks/blind.py on garments laid anyhow, as the chapter trains it.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "blind_matcher.json"


def measure(seed: int) -> dict[str, float]:
    """Errors in tokens on the test split of the matcher, its blind twin, and of what needs no training.

    ``cloth_`` is attention uniform over the garment's mask, ``drawn`` one place drawn from it; ``aligned`` the person's
    mask laid over the garment's.
    """
    results = json.loads(RESULTS.read_text(encoding="utf8"))
    found, untrained = results["runs"][f"garment-anyhow-{seed}"]["anyhow"], results["untrained"]["anyhow"]
    blind = results["runs"][f"place-anyhow-{seed}"]["anyhow"]
    names = ("epe", "copy", "flip", "strongest", "inner", "outer", "mass", "entropy", "swaps")
    readings = ("epe", "strongest", "inner", "outer", "mass", "entropy", "swaps")
    return (
        {name: found[name] for name in names}
        | {f"blind_{name}": blind[name] for name in readings}
        | untrained
        | {
            "uniform": found["uniform_epe"],
            "ratio": found["epe"] / untrained["cloth_epe"],
            "to_copy": found["epe"] / found["copy"],
            "to_aligned": found["epe"] / untrained["aligned_epe"],
        }
    )
