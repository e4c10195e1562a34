"""Trains the tiny GAN and the tiny task in forked processes that are killed, and restarted until they are done.

A process of its own, because a fork must not inherit threads; forked, because importing torch takes seconds.
Prints one JSON object. Usage: kill_server.py FOLDER
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

torch.set_num_threads(1)

import tiny  # noqa: E402

from benchmarks.deaths import die_at, fork, outcome  # noqa: E402
from vtonlib.training.trainer import Trainer  # noqa: E402


def killed_at_random_moments(out: Path, kills: int, seed: int) -> list[int]:
    """Kill from outside, a random time after a random step since the restart; how each child ended."""
    moments, outcomes = random.Random(seed), []
    while not outcomes or outcomes[-1] != 0:
        read, write = os.pipe()

        def work(write: int = write) -> None:
            config = tiny.train_config(steps=120, save_every=5, sample_every=10)
            tell = (1, lambda trainer: os.write(write, b"."))
            Trainer(tiny.TinyTask(), tiny.batches, config, out, callbacks=[tell]).fit()

        child = fork(work)
        os.close(write)
        if len(outcomes) < kills:
            for _ in range(moments.randint(0, 10)):
                os.read(read, 1)
            time.sleep(moments.uniform(0, 0.012))
            os.kill(child, signal.SIGKILL)
        outcomes.append(outcome(child))
        os.close(read)
        if outcomes[-1] not in (0, -signal.SIGKILL):
            break
    return outcomes


def killed_at_event(out: Path, number: int) -> int:
    """Train the GAN, killed right before its ``number``-th operation on a file (0: never); how it ended."""

    def work() -> None:
        trainer = Trainer(tiny.TinyGAN(), tiny.batches, tiny.train_config(save_every=2), out)
        if number:
            die_at(number, out)
        trainer.fit()

    return outcome(fork(work))


def main(root: Path) -> None:
    """Everything, into folders under ``root``."""
    # The first optimizer imports half of torch: once here rather than in every child.
    Trainer(tiny.TinyTask(), tiny.batches, tiny.train_config(steps=1), root / "warm").fit()
    found = {"plain": killed_at_random_moments(root / "plain", 0, seed=0)}
    found["killed"] = killed_at_random_moments(root / "killed", 10, seed=1)
    found["gan"] = [killed_at_event(root / "gan", 0)]
    for number in range(1, 400, 9):
        out = root / f"gan-{number}"
        first = killed_at_event(out, number)
        if first == 0:
            break
        found[f"gan-{number}"] = [first, killed_at_event(out, 0)]
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
