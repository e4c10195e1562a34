"""What total variation and entropy do to a matcher's attention: as losses from the start, or switched on later.

Every arm begins with the same weights and sees the same examples, and all of a seed are trained side by side, on
garments laid straight or anyhow, and read on 96 people of the test split whose garments lie in the same way. A dose is
how large a loss's gradient is beside that of the matcher's own loss, where the loss would be switched on (after 200 of
300 steps), as measured once with a seed of its own: *mild* is a tenth, *strong* as much. Nothing is chosen by results.
``released`` is StableVITON's weight, 0.001. Written before measuring:

V1 Total variation makes centres change slowly (its authors' aim): less jump between neighbours, in every seed.
V2 Switched on later it brings centres nearer to the truth; from the start it does not.
V3 Strong from the start it harms: centres are drawn together, so more queries share one, and the error grows.
V4 The paper's printed form, at the same dose, draws centres towards the garment's middle: less reach than the code's.
E1 Entropy sharpens: more of the attention within 1.5 tokens of the truth, in every seed.
E2 It does not move centres: the error changes by less than a twentieth either way when switched on later.
E3 What it does to the mass a temperature does as well: the arm without a loss, its scores sharpened after training to
   the same entropy, has as much mass near the truth.
E4 Strong from the start it fixes attention before it has found anything: a larger error.
B1 Both, later, mend place and width: less error and more mass than either alone.
T  Told the true flow (positive control) errs least; the blind twin, uniform attention and the copy (negative) err more
   than the arm without a loss, on garments laid anyhow.

    python -m benchmarks.shaping_matcher [--seeds 5] [--laid anyhow straight] [--out results.json]

One seed of one laying takes four minutes of a core. Arms that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.blind import EXAMPLES, LAID, Scores, baselines, untrained
from benchmarks.readings import gradient_norms, readings, truths
from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation.dispersion import batch_tokens, colour_mixture
from vtonlib.grids import resize_mask
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation, paper_total_variation
from vtonlib.memory import keep_freed_memory
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.tasks.supervision import Supervision

RESULTS = Path(__file__).parent / "results" / "shaping_matcher.json"
STEPS, SWITCH, BATCH_SIZE, LEARNING_RATE, WARMUP, DECAY = 300, 200, 32, 2e-3, 20, 0.98
"""Of every arm, as chapter 7 trains its matcher; ``SWITCH`` is the first step of a loss that is switched on later."""
TASK = MatcherConfig(heads=2)
MILD, STRONG, RELEASED = 0.1, 1.0, 0.001
CALIBRATION_SEED, CALIBRATION_BATCHES = 1000, 8
LOSSES = {"variation": attention_total_variation, "entropy": attention_entropy, "paper": paper_total_variation}
FITTING = 20_000
"""Number of the first of the training examples on which temperatures are fitted."""


@dataclass(frozen=True)
class Arm:
    """One way to train."""

    doses: Mapping[str, float] = field(default_factory=dict)
    """Gradients of the losses beside that of the matcher's own."""
    later: bool = False
    """Whether the losses are switched on at ``SWITCH``, in the arm without any."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weights that are given, not found by a dose."""
    task: MatcherConfig = TASK
    """The model, and what it is told."""


TOLD = replace(TASK, supervision=Supervision(coordinates=1.0, rows=0.05, layers="matcher.core"))
ARMS = {
    "none": Arm(),
    "told": Arm(task=TOLD),
    "blind": Arm(task=replace(TASK, keys_see="place")),
    "variation-mild": Arm({"variation": MILD}),
    "variation-strong": Arm({"variation": STRONG}),
    "paper-strong": Arm({"paper": STRONG}),
    "entropy-mild": Arm({"entropy": MILD}),
    "entropy-strong": Arm({"entropy": STRONG}),
    "both-strong": Arm({"variation": STRONG, "entropy": STRONG}),
    "released-later": Arm(weights={"variation": RELEASED}, later=True),
    "variation-mild-later": Arm({"variation": MILD}, later=True),
    "variation-strong-later": Arm({"variation": STRONG}, later=True),
    "entropy-mild-later": Arm({"entropy": MILD}, later=True),
    "entropy-strong-later": Arm({"entropy": STRONG}, later=True),
    "both-mild-later": Arm({"variation": MILD, "entropy": MILD}, later=True),
    "both-strong-later": Arm({"variation": STRONG, "entropy": STRONG}, later=True),
}
COOLED = tuple(name for name in ARMS if name.startswith("entropy"))
"""Arms whose entropy the arm without a loss is brought to by a temperature."""


def shaped(task: MatcherTask, batch: TryOnBatch) -> tuple[dict[str, Tensor], AttentionRecord, Tensor]:
    """The matcher's own terms, its attention, and the mask of the losses on it."""
    with AttentionTap(task.matcher) as tap:
        terms = task.matcher_loss(batch)
    worn = (resize_mask(batch.garment_region, *tap["core"].query_grid) > 0.5).float()
    return terms, tap["core"], worn


class Learner:
    """A matcher in training, with its averaged weights."""

    def __init__(self, task: MatcherTask, weights: Mapping[str, float]) -> None:
        self.task, self.weights = task, weights
        self.optimizer = torch.optim.AdamW(task.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
        self.average = AveragedModel(task.matcher, multi_avg_fn=get_ema_multi_avg_fn(DECAY))

    def learn(self, batch: TryOnBatch, step: int) -> None:
        """One update."""
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP)
        terms, record, worn = shaped(self.task, batch)
        loss = torch.stack(list(terms.values())).sum()
        for name, weight in self.weights.items():
            loss = loss + weight * LOSSES[name](record, worn)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.task.matcher)

    def branch(self, weights: Mapping[str, float]) -> Learner:
        """A copy that goes on with other losses."""
        other = Learner(copy.deepcopy(self.task), weights)
        other.optimizer.load_state_dict(copy.deepcopy(self.optimizer.state_dict()))
        other.average = copy.deepcopy(self.average)
        return other

    def finished(self) -> MatcherTask:
        """The task with the averaged weights."""
        task = copy.deepcopy(self.task)
        task.matcher.load_state_dict(self.average.module.state_dict())
        return task


def new_task(config: MatcherConfig, seed: int) -> MatcherTask:
    """The same first weights for every arm of a seed."""
    torch.manual_seed(seed)
    return MatcherTask(config)


def calibrate() -> dict[str, Any]:
    """The norms of the gradients after ``SWITCH`` steps of the arm without a loss, garments laid anyhow."""
    start, learner = time.perf_counter(), Learner(new_task(TASK, CALIBRATION_SEED), {})
    batches = training_batches(World(DataConfig(laid="anyhow")), batch_size=BATCH_SIZE, seed=CALIBRATION_SEED)
    for step, batch in enumerate(islice(batches, SWITCH)):
        learner.learn(batch, step)

    def losses(batch: TryOnBatch) -> dict[str, Tensor]:
        terms, record, worn = shaped(learner.task, batch)
        return terms | {name: loss(record, worn) for name, loss in LOSSES.items()}

    norms = gradient_norms(losses, learner.task.matcher, islice(batches, CALIBRATION_BATCHES))
    return {"seconds": round(time.perf_counter() - start, 1), "seed": CALIBRATION_SEED, "norms": norms}


def weights_of(arm: Arm, norms: Scores) -> dict[str, float]:
    """The weight of each loss."""
    return {name: dose * norms["copy"] / norms[name] for name, dose in arm.doses.items()} | dict(arm.weights)


def train(laid: str, seed: int, norms: Scores, names: Sequence[str]) -> dict[str, MatcherTask]:
    """Some arms of one seed, and the one without a loss, side by side on the same batches."""
    arms = {name: arm for name, arm in ARMS.items() if name in {"none", *names}}
    weights = {name: weights_of(arm, norms) for name, arm in arms.items()}
    learners = {n: Learner(new_task(arm.task, seed), weights[n]) for n, arm in arms.items() if not arm.later}
    world = World(DataConfig(laid=laid))  # type: ignore[arg-type]
    for step, batch in enumerate(islice(training_batches(world, batch_size=BATCH_SIZE, seed=seed), STEPS)):
        if step == SWITCH:
            learners |= {n: learners["none"].branch(weights[n]) for n, arm in arms.items() if arm.later}
        for learner in learners.values():
            learner.learn(batch, step)
    return {name: learner.finished() for name, learner in learners.items()}


def at_temperature(record: AttentionRecord, temperature: float) -> AttentionRecord:
    """The matcher's attention with its cosines divided by a temperature; its fence, the last channel, stays."""
    query = torch.cat((record.query[..., :-1] / temperature, record.query[..., -1:]), dim=-1)
    return replace(record, query=query)


@torch.no_grad()
def temperature_for(entropy: float, record: AttentionRecord, worn: Tensor) -> float:
    """The temperature at which the mean entropy is the one wanted, by halving the interval 1/100 to 100."""
    low, high = 0.01, 100.0
    for _ in range(30):
        middle = (low * high) ** 0.5
        too_hot = float(attention_entropy(at_temperature(record, middle), worn)) > entropy
        low, high = (low, middle) if too_hot else (middle, high)
    return (low * high) ** 0.5


@torch.no_grad()
def scores(record: AttentionRecord, batch: TryOnBatch) -> Scores:
    """The readings, and the squared error of the copied colours."""
    tokens = batch_tokens(record, batch)
    mixed = colour_mixture(record, tokens.colours.flatten(2).mT, tokens.wanted)
    return readings(record, batch) | {"colour": float(mixed.error[tokens.measured].mean())}


def measure(
    laid: str, seed: int, norms: Scores, names: Sequence[str], fitting: TryOnBatch, test: TryOnBatch
) -> dict[str, Scores]:
    """The scores of some arms, and those of the arm without a loss at the temperatures of the arms with entropy."""
    tasks = train(laid, seed, norms, names)
    found = {name: scores(task.attend(test), test) for name, task in tasks.items()}
    cooled = [name for name in COOLED if name in tasks]
    with torch.no_grad():
        fits = {name: shaped(tasks[name], fitting)[1:] for name in ("none", *cooled)}
    plain, test_record = fits["none"], tasks["none"].attend(test)
    for name in cooled:
        temperature = temperature_for(float(attention_entropy(*fits[name])), *plain)
        heated = at_temperature(test_record, temperature)
        found[name.replace("entropy", "cooled")] = {"temperature": temperature, **scores(heated, test)}
    return found | {"baselines": baselines(test, test_record) | untrained(test) | truths(test, test_record)}


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--laid", nargs="+", choices=LAID, default=list(LAID[::-1]))
    parser.add_argument("--runs", type=int, default=0, help="stop after so many new runs; 0: never")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    stored: dict[str, Any] = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {}
    stored = {
        "examples": EXAMPLES,
        "calibration": stored.get("calibration") or calibrate(),
        "runs": stored.get("runs", {}),
    }
    runs, norms, left = stored["runs"], stored["calibration"]["norms"], options.runs or -1
    for laid in options.laid:
        world = World(DataConfig(laid=laid))
        fitting, test = (
            world.paired(split, torch.arange(first, first + EXAMPLES))
            for split, first in (("train", FITTING), ("test", 0))
        )
        for seed in range(options.seeds):
            known = runs.get(f"{laid}-{seed}", {"seconds": 0.0})
            names = [name for name in ARMS if name not in known]
            if not names or not left:
                continue
            start = time.perf_counter()
            found = measure(laid, seed, norms, names, fitting, test)
            seconds = round(known["seconds"] + time.perf_counter() - start, 1)
            runs[f"{laid}-{seed}"] = found | known | {"seconds": seconds}
            replace_text(options.out, json.dumps(stored, indent=1) + "\n")
            errors = {name: round(arm["epe"], 3) for name, arm in found.items() if "epe" in arm}
            print(laid, seed, seconds, errors, flush=True)
            left -= 1
    print(json.dumps(stored))


if __name__ == "__main__":
    main()
