"""VITON-HD's three stages and a StableVITON, from scratch, the stages for at least as long.

    python -m benchmarks.three_stages [--length 1] [--runs FOLDER] [--out results.json]

All see garments laid anyhow, at 64x48, and the same people. The StableVITON is told the true flow, and trains for some
five minutes of a processor core; the stages for eight: two for the segmentation, two for the matcher (which the world
tells nothing of its flow either), four for the ALIAS generator, in steps that were timed beforehand. Where bf16 is
native, what it makes faster trains in it: the segmentation, by a third, and the StableVITON. Both are scored by
`vtonlib evaluate`, on 256 people of the test split in garments not their own, laid anyhow. With --length the stages
train that many times as long, and beside them stands the shipped model of the same size: 5.6 is its 42 minutes.

Written before measuring: trained for as long, the StableVITON paints better than the three stages, and finds places
better. A run that is in the folder already goes on, or is used as it is.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from tools.machine import describe, fast_settings
from tools.summary import read
from vtonlib import checkpoints
from vtonlib.config import override
from vtonlib.experiment import assemble, train
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import preset
from vtonlib.scoring import evaluate

RESULTS = Path(__file__).parent / "results"
FAST = fast_settings(describe())
STAGES = {
    "segmentation": ["train.steps=350", *FAST],
    "geometric_matching": ["train.steps=1700"],
    "alias": ["train.steps=380"],
}
STABLE_VITON = [
    *("task.block_out_channels=64,96", "task.attention_levels=False,False", "task.cached_examples=2560"),
    *("task.pure_noise=0.9", "task.denoising_steps=1", "train.batch_size=16", "train.steps=1050"),
    *("train.learning_rate=3e-3", "train.ema_decay=0.99", *FAST),
]
"""Those of the speed run's best entry when this was measured; written out, so that a later one changes nothing here."""
QUIET = ["data.laid=anyhow", "train.sample_every=0"]
COUNT, SPLIT = 256, "unpaired, laid anyhow"
SHIPPED = "stableviton-tiny"


def longer(settings: list[str], length: float) -> list[str]:
    """The settings with so many times the steps."""
    parts = [setting.partition("=") for setting in settings]
    return [
        f"{name}={round(length * int(value))}" if name == "train.steps" else f"{name}={value}"
        for name, _, value in parts
    ]


def main() -> None:
    """Train what is missing, score both and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--length",
        type=float,
        default=1.0,
        help="times the steps of the stages; other than 1: beside the shipped model",
    )
    parser.add_argument("--runs", type=Path, help="default: runs/three-stages-LENGTH")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/three_stages[_long].json")
    options = parser.parse_args()
    fresh = options.length == 1
    options.runs = options.runs or Path(f"runs/three-stages-{options.length:g}")
    options.out = options.out or RESULTS / f"three_stages{'' if fresh else '_long'}.json"
    keep_freed_memory()
    known = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {}
    seconds = known.get("processor_seconds", {})
    trained = {name: longer(settings, options.length) for name, settings in STAGES.items()}
    for name, settings in (trained | ({"stableviton": STABLE_VITON} if fresh else {})).items():
        start = time.process_time()
        train(override(preset(name), *QUIET, *settings), options.runs / name)
        seconds.setdefault(name, round(time.process_time() - start))
        options.out.write_text(json.dumps({"processor_seconds": seconds}) + "\n", encoding="utf8")
    stages = [options.runs / name for name in STAGES]
    assemble(*stages, options.runs / "three stages")
    scores = {}
    other = options.runs / "stableviton" if fresh else checkpoints.folder(SHIPPED)
    for name, run in (("three stages", options.runs / "three stages"), (other.name, other)):
        out = options.runs / name
        evaluate(run, count=COUNT, splits=[SPLIT], out=out)
        scores[name] = read(out / "report.json")[SPLIT]
    found = {
        **{"people": COUNT, "split": SPLIT, "length": options.length, "processor_seconds": seconds, "scores": scores},
        **({} if fresh else {"hours": {SHIPPED: checkpoints.provenance(SHIPPED).hours}}),
    }
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf8")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
