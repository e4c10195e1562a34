"""The benchmarks of faults at their shortest, in a process of its own, since they fork. Usage: fault_server.py FOLDER

Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch

from benchmarks import damages, full_disk, kills


def main(root: Path) -> None:
    """A few kills of one kind of training, every ninth damage, two full disks and two trainings at once."""
    torch.set_num_threads(1)
    kills.warm(root)
    found = {}
    for kind in ("alias",):
        study = kills.Study(kind, root / kind)
        found[kind] = [study.at_random(3), study.at_operations(50), study.in_files(1)]
    (root / "full").mkdir()
    print(json.dumps({"kills": found, "damages": damages.study(root, 9), "disk": full_disk.study(root / "full", 2, 1)}))


if __name__ == "__main__":
    os.environ |= {"TQDM_DISABLE": "1", "ACCELERATE_USE_CPU": "1"}
    main(Path(sys.argv[1]))
