"""What importing the library costs beyond torch: seconds of CPU, each import in a process of its own.

    python -m benchmarks.imports [--out imports.json]

``torch`` is imported first and not counted. The least of several processes counts, after one that fills the caches.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from vtonlib.disk import replace_text

ALONE = True
IMPORTS = {
    "vtonlib": "vtonlib",
    "attention": "vtonlib.attention",
    "world": "vtonlib.data.world",
    "losses": "vtonlib.losses.total_variation, vtonlib.losses.entropy, vtonlib.losses.flow",
    "evaluation": "vtonlib.evaluation",
    "models": "vtonlib.models.stable_viton",
}
COUNT = "import time, torch; t = time.process_time(); import {}; print(time.process_time() - t)"


def seconds(modules: str, times: int) -> float:
    """The least CPU time of importing modules beyond torch."""
    found = []
    for _ in range(times):
        done = subprocess.run([sys.executable, "-c", COUNT.format(modules)], capture_output=True, text=True, check=True)
        found.append(float(done.stdout))
    return round(min(found), 3)


def main() -> None:
    """Measure all imports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    result = {"unit": "s", "beyond_torch": {name: seconds(modules, options.times) for name, modules in IMPORTS.items()}}
    if options.out:
        replace_text(options.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
