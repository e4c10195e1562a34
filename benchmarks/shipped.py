"""The shipped try-on model: masked SSIM by number of denoising steps, and against simple baselines.

    python -m benchmarks.shipped [--name NAME] [--count 64] [--out results.json]

Measured on people that nobody trained on and that no report uses: the last of the training split. From this the stored
number of steps was chosen; `python -m vtonlib evaluate` measures on the test split.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from vtonlib import checkpoints
from vtonlib.evaluation.baselines import baseline_flows, baseline_images
from vtonlib.evaluation.image import l1, ssim
from vtonlib.experiment import try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.pipelines.alias import ALIASPipeline

ALONE = True
STEPS = (1, 2, 3, 4, 6, 10, 20)


def main() -> None:
    """Measure, print and, where asked to, write."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--name", default=checkpoints.DEFAULT)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    pipeline, source = checkpoints.load(args.name), checkpoints.source(args.name)
    last = source.size("train")
    batch = source.unpaired("train", torch.arange(last - args.count - 8, last - 8))
    counts = [None] if isinstance(pipeline, ALIASPipeline) else STEPS
    scores = {}
    for steps in counts:
        start = time.perf_counter()
        image = try_on(pipeline, batch, steps=steps).image
        scores[str(steps or "three stages")] = {
            "masked_ssim": round(ssim(image, batch.person, batch.agnostic_mask).mean().item(), 4),
            "masked_l1": round(l1(image, batch.person, batch.agnostic_mask).mean().item(), 4),
            "seconds": round(time.perf_counter() - start, 1),
        }
    simple = {
        name: round(ssim(image, batch.person, batch.agnostic_mask).mean().item(), 4)
        for name, image in baseline_images(batch, baseline_flows(batch)).items()
    }
    report = {"model": args.name, "people": args.count, "steps": scores, "baselines_masked_ssim": simple}
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
