"""VITON-HD's three stages and a StableVITON that was told the truth, trained for as long on garments laid anyhow.

Trained and scored by benchmarks/three_stages.py, where the hypothesis was written down first: once from scratch in some
minutes of a core, and once for as long as the shipped StableVITON of that size, which stands beside the stages there.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
MEASURED = {"short": ("three_stages.json", "stableviton"), "long": ("three_stages_long.json", "stableviton-tiny")}
READINGS = {"ssim": "masked SSIM", "texture": "texture ratio", "error": "EPE of height"}


def measure(seed: int) -> dict[str, float]:
    """``LENGTH_stages_ssim``, ``LENGTH_viton_ssim``: masked SSIM on the same unpaired people; ``..._texture``: texture
    energy inside the garment, painted over true; ``..._error``: of the warp, and of the best attention, in percent of
    the height. ``LENGTH_minutes``: what the stages took of a processor core; ``LENGTH_gain``: how much better the
    StableVITON paints, ``LENGTH_places`` how much less it errs.
    """
    found: dict[str, float] = {}
    for length, (name, viton) in MEASURED.items():
        stored = json.loads((RESULTS / name).read_text(encoding="utf8"))
        stages = ("segmentation", "geometric_matching", "alias")
        found[f"{length}_minutes"] = sum(stored["processor_seconds"][stage] for stage in stages) / 60
        for reading, title in READINGS.items():
            found[f"{length}_stages_{reading}"] = stored["scores"]["three stages"][title]
            found[f"{length}_viton_{reading}"] = stored["scores"][viton][title]
        found[f"{length}_gain"] = found[f"{length}_viton_ssim"] - found[f"{length}_stages_ssim"]
        found[f"{length}_places"] = found[f"{length}_stages_error"] - found[f"{length}_viton_error"]
    return found
