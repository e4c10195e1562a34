"""Does attention learn where to look from colours alone? The matcher of the chapter on cross-attention, by seeds.

Trained by benchmarks/blind.py on garments laid anyhow, as the chapter trains it.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "blind_matcher.json"


def measure(seed: int) -> dict[str, float]:
    """Errors in tokens of the matcher and of the baselines on the test split, and how its map is spread."""
    found = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][f"garment-anyhow-{seed}"]["anyhow"]
    names = ("epe", "copy", "flip", "strongest", "inner", "outer", "mass", "entropy", "swaps")
    return {name: found[name] for name in names} | {
        "uniform": found["uniform_epe"],
        "outer_uniform": found["uniform_outer"],
        "mass_uniform": found["uniform_mass"],
        "ratio": found["epe"] / found["uniform_epe"],
        "to_copy": found["epe"] / found["copy"],
    }
