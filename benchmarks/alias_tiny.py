"""The three stages of VITON-HD at size tiny: how long they train, and what the pipeline reaches, for several seeds.

    python -m benchmarks.alias_tiny [--seeds 3] [--out results.json]

Seeds that are already in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from vtonlib import experiment, scoring
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import preset

STAGES = ("segmentation", "geometric_matching", "alias")
PAIRED = "paired, laid straight"
IMAGES = ("ALIAS", "agnostic", "copy", "oracle")


def trained_scores(seed: int) -> dict[str, object]:
    """Train the stages, put them together, evaluate: seconds of each stage, and scores on the paired split."""
    seconds = {}
    with tempfile.TemporaryDirectory() as temporary:
        for stage in STAGES:
            config = preset(stage)
            config = replace(config, train=replace(config.train, seed=seed, sample_every=0))
            start = time.perf_counter()
            experiment.train(config, Path(temporary) / stage)
            seconds[stage] = round(time.perf_counter() - start, 1)
        runs = (Path(temporary) / stage for stage in STAGES)
        experiment.assemble(*runs, Path(temporary) / "pipeline")
        table = scoring.evaluate(Path(temporary) / "pipeline", splits=[PAIRED]).table(PAIRED)
    images = {name: table.cell(name, "masked SSIM").mean for name in IMAGES}
    flows = {name: table.cell(name, "EPE").mean for name in ("geometric matching", "copy", "uniform")}
    return {"seconds": seconds, "masked_ssim": images, "epe": flows}


def main() -> None:
    """Train and measure the seeds that are missing; write the file after each."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "alias_tiny.json")
    args = parser.parse_args()
    report = json.loads(args.out.read_text(encoding="utf8")) if args.out.exists() else {"runs": {}}
    for seed in range(args.seeds):
        if str(seed) not in report["runs"]:
            report["runs"][str(seed)] = trained_scores(seed)
            temporary = args.out.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf8")
            os.replace(temporary, args.out)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
