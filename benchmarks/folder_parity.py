"""Does training from a folder reach the quality of training from the world it was written from?

Writes 2048 training and 64 test examples into a temporary folder, trains the tiny StableVITON for the same steps from
the world's and from the folder's examples, and evaluates both on the world's test split.

    python -m benchmarks.folder_parity [STEPS]
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from vtonlib import experiment, scoring
from vtonlib.data.folders import check_folder, write_folder
from vtonlib.data.world import World
from vtonlib.presets import preset

METRICS = (("warps.0", "EPE"), ("StableVITON", "masked SSIM"))


def quality(root: str, steps: int, out: Path) -> dict[str, object]:
    """The paired scores, with their intervals, of a model trained from ``root`` ("" is the world)."""
    default = preset("stableviton", size="tiny")
    config = dataclasses.replace(
        default,
        data=dataclasses.replace(default.data, root=root),
        train=dataclasses.replace(default.train, steps=steps, sample_every=0),
    )
    experiment.train(config, out)
    paired = f"paired, laid {config.data.laid}"
    table = scoring.evaluate(out, root="", splits=[paired]).table(paired)
    return {metric: table.cell(method, metric)._asdict() for method, metric in METRICS}


def main(steps: int = 600) -> None:
    """Print one JSON object."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "folder"
        write_folder(World(preset("stableviton").data), root, train=2048, test=64, image_format="png")
        problems = len(check_folder(root))
        world = quality("", steps, Path(temporary) / "world")
        folder = quality(str(root), steps, Path(temporary) / "from-folder")
    print(json.dumps({"steps": steps, "problems_found_by_check": problems, "world": world, "folder": folder}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
