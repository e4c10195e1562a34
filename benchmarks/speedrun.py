"""How long does StableVITON take, from scratch on two processor cores, to fixed qualities?

    python -m benchmarks.speedrun [--set a.b=c ...] [--seeds 3] [--enter NAME --what "..." --brought "..."]

A run is one training with given settings, timed from the call to its final weights. Its quality is that of people whom
nobody trained on, the last of the training split, in garments not their own, laid anyhow, at 64x48: the masked SSIM of
the pictures, and the end-point error of the block that looks best, in percent of the image's height. A run reaches a
quality if both are met. An entry is the slowest of its seeds, and all of them have to reach the quality. --enter
appends it to benchmarks/results/trials.json, from which the book's page is made. A processor that computes in bf16
trains in bf16, unless train.precision is set.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tools.machine import describe, fast_settings, words
from vtonlib.attention import expected_coordinates
from vtonlib.config import override
from vtonlib.data.world import World
from vtonlib.evaluation.correspondence import end_point_error
from vtonlib.evaluation.image import ssim
from vtonlib.experiment import load_pipeline, train, try_on
from vtonlib.grids import resize_flow
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import ExperimentConfig, preset

TRIALS = Path(__file__).with_name("results") / "trials.json"
PEOPLE, THREADS = 64, 2


@dataclass(frozen=True, slots=True)
class Quality:
    """What a run has to reach: at least this likeness, at most this error."""

    name: str
    masked_ssim: float
    epe_percent: float

    def reached(self, masked_ssim: float, epe_percent: float) -> bool:
        """Whether both are met."""
        return masked_ssim >= self.masked_ssim and epe_percent <= self.epe_percent


QUALITIES = (Quality("bronze", 0.55, 12.0), Quality("silver", 0.62, 9.5), Quality("gold", 0.68, 7.8))
"""From low to high. Gold is an end-point error of five pixels of 64."""


def measure(config: ExperimentConfig) -> dict[str, float]:
    """Train, timed; then score."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        train(config, Path(folder) / "run")
        seconds = time.perf_counter() - start
        pipeline = load_pipeline(Path(folder) / "run")
    world = World(config.data)
    last = world.size("train") - 8  # the last eight have their partners at the other end
    batch = world.unpaired("train", torch.arange(last - PEOPLE, last))
    worn = try_on(pipeline, batch)
    flows = {name: resize_flow(expected_coordinates(r), *batch.size) for name, r in worn.attention.items()}
    errors = {
        name: end_point_error(flow, batch.flow, batch.flow_mask, lattice=batch.size).nanmean().item()
        for name, flow in flows.items()
    }
    return {
        "seconds": round(seconds, 1),
        "masked_ssim": round(ssim(worn.image, batch.person, batch.agnostic_mask).nanmean().item(), 4),
        "epe_percent": round(100 * min(errors.values()) / batch.size[0], 2),
    }


def best_quality(runs: list[dict[str, float]]) -> str:
    """The highest quality that every run reached; an empty text if none."""
    reached = [q.name for q in QUALITIES if all(q.reached(r["masked_ssim"], r["epe_percent"]) for r in runs)]
    return reached[-1] if reached else ""


def entry(name: str, what: str, brought: str, settings: list[str], runs: list[dict[str, float]]) -> dict[str, object]:
    """What trials.json keeps of it."""
    return {
        "name": name,
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "what": what,
        "brought": brought,
        "settings": settings,
        "quality": best_quality(runs),
        "seconds": math.ceil(max(run["seconds"] for run in runs)),
        "runs": runs,
        "machine": words(),
    }


def main() -> None:
    """Measure, print and, where asked to, enter."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="a.b=c", help="settings, as in `train`"
    )
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings")
    parser.add_argument("--enter", metavar="NAME", help="append the result to benchmarks/results/trials.json")
    parser.add_argument("--what", default="", help="what changed against the entry before it")
    parser.add_argument("--brought", default="", help="what it brought")
    args = parser.parse_args()
    if args.enter and not args.what:
        parser.error("--enter needs --what: readers want to know what changed")
    torch.set_num_threads(THREADS)
    settings = fast_settings(describe()) + args.set
    config = override(preset("stableviton"), *settings)
    runs = []
    for seed in range(args.seeds):
        runs.append({"seed": seed, **measure(replace(config, train=replace(config.train, seed=seed)))})
        print(json.dumps(runs[-1]), flush=True)
    result = entry(args.enter or "", args.what, args.brought, settings, runs)
    if args.enter:
        known = json.loads(TRIALS.read_text(encoding="utf8"))
        known["entries"] = [e for e in known["entries"] if e["name"] != args.enter] + [result]
        TRIALS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(json.dumps({"threads": THREADS, "torch": describe()["torch"], **result}))


if __name__ == "__main__":
    main()
