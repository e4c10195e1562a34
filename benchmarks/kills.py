"""Does training that was killed end with the very weights of training that was not? Every preset, killed many times.

    OMP_NUM_THREADS=1 python -m benchmarks.kills [--kinds matcher alias] [--kills 50] [--each 5] [--out FILE]

Each preset is trained at its smallest, with a checkpoint after every step, in processes forked from one that has
imported everything. They are killed

- at random: SIGKILL at a moment drawn uniformly over the time that a whole run takes, again and again until the run is
  done, in as many runs as it takes to collect ``--kills`` kills;
- before an operation on a file: one run for every ``--each``-th operation (opening, renaming, deleting, fsync) of one
  that goes on from step 3, so that checkpoints are written, old ones deleted and final weights replaced;
- in the middle of writing a file: by the system's limit on the size of files, at a random byte.

Then they are resumed. Equal means: the last checkpoint (weights, averages, moments), the final weights, the pictures
and the log's numbers are those of the run that was never killed, bit by bit. A kill counts as survived if its run ended
equal.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.deaths import die_at, fork, limit, outcome
from vtonlib import experiment
from vtonlib.config import override
from vtonlib.disk import replace_text
from vtonlib.presets import PRESETS, ExperimentConfig, preset
from vtonlib.training.checkpoint import checkpoint_folders
from vtonlib.training.log import read_log

STEPS, HALF = 6, 3
TRAIN = (
    *(f"train.steps={STEPS}", "train.batch_size=2", "train.save_every=1", "train.sample_every=3", "train.precision=no"),
    *("train.schedule=constant", "train.warmup_steps=2", "data.height=32", "data.width=24"),
)
DISCRIMINATOR = ("task.discriminator_channels=8", "task.discriminator_layers=2")
DIFFUSION = (
    *("task.block_out_channels=8,16", "task.attention_levels=true,true", "task.norm_num_groups=4"),
    *("task.num_attention_heads=1", "task.cached_examples=6", "task.denoising_steps=1"),
)
KINDS: dict[str, tuple[str, ...]] = {
    "matcher": ("task.channels=8", "task.head_dim=8", "task.layers=0"),
    "classifier": ("task.channels=8,8,8", "task.width=8"),
    "autoencoder": ("task.block_out_channels=8,8",),
    "segmentation": ("task.channels=8,8,16", "task.dropout=0.1", *DISCRIMINATOR),
    "geometric_matching": ("task.channels=8,16", "task.regressor=16,8", "task.control=5,3"),
    "alias": ("task.channels=16,16,8", "task.mask_norm_blocks=2", "task.hidden=8", *DISCRIMINATOR),
    "translation": (
        *("task.channels=4", "task.projection=8", "task.selection.count=12", "task.cached_examples=8"),
        *("task.discriminator_channels=4", "task.discriminator_layers=2"),
    ),
    "stableviton": (*DIFFUSION, "task.cross_attention_dim=12"),
    "leffa": DIFFUSION,
    "leffa_pose": DIFFUSION,
}
"""The smallest settings of every preset."""
assert KINDS.keys() == PRESETS.keys()
TIMES = {"elapsed", "images_per_second"}


def config_of(kind: str, *changes: str) -> ExperimentConfig:
    """The settings of a run of ``kind``."""
    return override(preset(kind), *TRAIN, *KINDS[kind], *changes)


def train(config: ExperimentConfig, out: Path, before: Callable[[], object] = lambda: None) -> int:
    """Train in a child, which first calls ``before``; how it ended."""

    def work() -> None:
        before()
        experiment.train(config, out)

    return outcome(fork(work))


def result(run: Path) -> dict[str, str]:
    """What must be equal, by name: digests of files, and the log without its times and starts."""
    last = checkpoint_folders(run / "checkpoints")[-1]
    files = [*last.glob("*.safetensors"), *(run / "final").rglob("*"), *(run / "samples").glob("*")]
    found = {str(f.relative_to(run)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}
    records = [record for record in read_log(run / "log.jsonl") if "event" not in record]
    found["log"] = json.dumps([{k: v for k, v in record.items() if k not in TIMES} for record in records])
    hidden = [str(path.relative_to(run)) for path in run.rglob(".*")]
    return found | {"left over": " ".join(sorted(hidden)), "folders": " ".join(sorted(f.name for f in run.iterdir()))}


class Study:
    """All that is done to one kind of training, in folders under ``root``."""

    def __init__(self, kind: str, root: Path, seed: int = 0) -> None:
        self.config, self.root, self.moments = config_of(kind), root, random.Random(f"{kind} {seed}")
        start = time.perf_counter()
        self.must(train(self.config, root / "whole"))
        self.seconds = time.perf_counter() - start
        self.must(train(config_of(kind, f"train.steps={HALF}"), root / "half"))
        self.expected = result(root / "whole")

    @staticmethod
    def must(status: int) -> None:
        """Stop where training itself fails."""
        if status != 0:
            raise RuntimeError(f"training ended with status {status}")

    def is_equal(self, run: Path) -> bool:
        """Whether a finished run is the one that was never killed; it is deleted if so."""
        found = result(run)
        for name in found.keys() | self.expected.keys():
            if found.get(name) != self.expected.get(name):
                print(f"{run}: {name} differs", file=sys.stderr)
        if found == self.expected:
            shutil.rmtree(run)
        return found == self.expected

    def at_random(self, kills: int) -> dict[str, int]:
        """SIGKILL at moments uniform over the time of a whole run."""
        counts = {"kills": 0, "survived": 0, "runs": 0, "while_writing": 0}
        while counts["kills"] < kills:
            run, done, here = self.root / f"random-{counts['runs']}", False, 0
            while not done:
                child = fork(lambda run=run: experiment.train(self.config, run))
                if counts["kills"] + here < kills:
                    time.sleep(self.moments.uniform(0, self.seconds))
                    os.kill(child, signal.SIGKILL)
                status = outcome(child)
                done = status == 0
                if not done:
                    self.must(0 if status == -signal.SIGKILL else status)
                    here += 1
                    counts["while_writing"] += any(run.rglob(".*"))
            counts["runs"] += 1
            counts["kills"] += here
            counts["survived"] += here * self.is_equal(run)
        return counts

    def once(self, before: Callable[[], object], deadly: int, name: str) -> bool | None:
        """Go on from step 3, dying of what ``before`` sets up, then again without; None: it did not die."""
        run = self.root / name
        shutil.copytree(self.root / "half", run)
        status = train(self.config, run, before)
        if status == 0:
            shutil.rmtree(run)
            return None
        self.must(0 if status == -deadly else status)
        self.must(train(self.config, run))
        return self.is_equal(run)

    def at_operations(self, each: int) -> dict[str, int]:
        """Killed right before every ``each``-th operation on a file."""
        found: list[bool] = []
        number = self.moments.randint(1, each)
        while True:
            before = functools.partial(die_at, number, self.root)
            equal = self.once(before, signal.SIGKILL, f"operation-{number}")
            if equal is None:
                return {"kills": len(found), "survived": sum(found), "operations": number - each}
            found.append(equal)
            number += each

    def in_files(self, kills: int) -> dict[str, int]:
        """Killed in the middle of writing a file, at a random byte."""
        files = [f for f in (self.root / "whole" / "checkpoints").rglob("*") if f.is_file()]
        largest = max(f.stat().st_size for f in files)
        limits = [self.moments.randrange(1, largest) for _ in range(kills)]
        ends = [self.once(lambda n=n: limit(n), signal.SIGXFSZ, f"bytes-{n}") for n in limits]
        died = [equal for equal in ends if equal is not None]  # files of this run may all be a little smaller
        return {"kills": len(died), "survived": sum(died), "largest_file": largest}


def warm(root: Path) -> None:
    """Import what the first optimizer and the first pipeline import, once here rather than in every child."""
    for kind in ("matcher", "stableviton"):
        experiment.train(config_of(kind, "train.steps=1"), root / "warm" / kind)


def main() -> None:
    """Study the kinds that are asked for; what a file of results holds already is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    parser.add_argument("--kills", type=int, default=50, help="at random moments, of each kind")
    parser.add_argument("--each", type=int, default=5, help="of how many operations on files one is deadly")
    parser.add_argument("--bytes", type=int, default=10, help="deaths in the middle of a file, of each kind")
    parser.add_argument("--out", type=Path, help="a file of results, written after every kind")
    parser.add_argument("--folder", type=Path, help="where to train (default: a temporary folder)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.environ |= {"TQDM_DISABLE": "1", "ACCELERATE_USE_CPU": "1"}
    out = arguments.out
    kinds = json.loads(out.read_text(encoding="utf8"))["measured"]["kinds"] if out and out.exists() else {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        warm(Path(name))
        for kind in arguments.kinds:
            if kind in kinds:
                continue
            start, study = time.perf_counter(), Study(kind, Path(name) / kind)
            kinds[kind] = {
                "random": study.at_random(arguments.kills),
                "operations": study.at_operations(arguments.each) if arguments.each else {},
                "files": study.in_files(arguments.bytes),
                "seconds": round(time.perf_counter() - start, 1),
            }
            print(kind, json.dumps(kinds[kind]), flush=True)
            shutil.rmtree(Path(name) / kind)
            if out:
                replace_text(out, json.dumps({"measured": {"kinds": kinds}}, indent=1) + "\n")
    print(json.dumps({"kinds": kinds}))


if __name__ == "__main__":
    main()
