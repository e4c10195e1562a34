"""What total variation and entropy do to a small StableVITON that was told nothing about places.

The flat network of benchmarks/augmented_painter.py, ``none`` there and here, learns from garments laid anyhow or
straight by painting alone (``STEPS`` steps of 16), and finds places to within some 1.6 tokens. The authors of
StableVITON switch their loss on in a model that is trained already, so ``none`` is the base of every seed, and arms go
on from it for 100 more steps: ``control`` without a loss, the others with total variation, entropy or both on the two
finest attentions, 16x12 tokens, at every noise level. A dose is the size of a loss's gradient beside that of the
denoising loss, measured once on training examples where the base of the first seed has ended (anyhow): a tenth;
``released`` is StableVITON's weight, 0.001. ``told`` goes on with the true places. ``...-scratch`` have the loss, with
the same weight, from their first step. ``cooled`` is no training: the control, its scores sharpened until its attention
is as sure as the entropy arm's. ``moved`` is a base with StableVITON's augmentation, and ``moved-...`` go on from it.
The flat network attends at 16x12 tokens alone, so which layer to shape is asked of the deeper one of
benchmarks/ablations.py, told nothing either: from its base ``deep``, ``deep-0`` to ``deep-3`` have a tenth's dose of
total variation on one attention each, 0 and 1 of 16x12 tokens, 2 and 3 of 8x6. Painted are 96 people of the test split
in others' garments, laid as those of the training. Written before measuring:

V1 Total variation makes centres change slowly: less jump between neighbours than in the control, in every seed.
V2 It brings centres nearer to the truth than the control, the mean over the two attentions, by more than its interval.
V3 It fixes errors of colour (its authors' picture of a striped garment): masked SSIM rises over the control's.
V4 From the first step it does harm: a larger error than the base has after as many steps.
V5 The released weight, far below a tenth's dose, changes nothing: less than a twentieth of the error.
E1 Entropy sharpens: more attention within 1.5 tokens of the truth than in the control.
E2 It does not move centres: the error stays within a twentieth of the control's.
E3 A temperature does as well: ``cooled`` has as much attention near the truth, and errs no more.
E4 From the first step it fixes attention before it has found anything: a larger error than the base.
B1 Both do better in places than either alone.
L1 The layer: on one of the two finest attentions total variation lowers that one's jumps and hardly the other's.
L2 On a coarse one (8x6) it changes the error of the finest by less than a twentieth: no layer mends another.
A1 Each of augmentation, total variation, entropy, added in this order, lowers the error (the slides' row of pictures).
T  Told (positive control) errs least; uniform attention and the copy (negative) err more than every arm.

Measured: all arms on garments laid anyhow, and on garments laid straight ``none`` and what goes on from it; five seeds
each. Found for ``moved`` and what goes on from it: A1 fails; for the layers: L1 and L2 hold.

    python -m benchmarks.shaping [--laid anyhow] [--seeds 0 1 2 3 4] [--arms none control] [--out results.json]

A base takes two and a half minutes of a core that computes in bf16, an arm that goes on a fourth of that. Runs that are
in the file are not repeated; what goes on needs its base, and every model is kept in ``--models``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import ablations
from benchmarks.ablations import EXAMPLES, people
from benchmarks.augmentation import SETTINGS
from benchmarks.augmented_painter import opponents
from benchmarks.blind import LAID, error, train_stable_viton
from benchmarks.intact_prior import TASK as TELLING
from benchmarks.intact_prior import experiment
from benchmarks.readings import gradient_norms, readings, truths
from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.augment import Augmentation
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.disk import atomic_folder, replace_text
from vtonlib.evaluation import ssim, truth_on_lattice
from vtonlib.evaluation.dispersion import spread_in_tokens
from vtonlib.evaluation.doubt import temperature_of_entropy
from vtonlib.experiment import TryOn, load_pipeline, try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import new_task
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.stable_viton import StableVITONTask
from vtonlib.tasks.supervision import Shaping, Supervision
from vtonlib.training.trainer import seed_everything
from vtonlib.viz.shaped import STORED, Shaped, load_shaped, save_shaped

RESULTS = Path(__file__).parent / "results" / "shaping.json"
STEPS, RATE = 400, 2e-3
"""Of the bases, as in benchmarks/augmented_painter.py,"""
MORE, MORE_RATE = 100, 1e-3
"""and of the arms that go on."""
TASK = replace(TELLING, supervision=Supervision(), sharp_teaches=False)
DEEP = replace(ablations.TASK, supervision=Supervision(), sharp_teaches=False)
FINEST = ("warps.0", "warps.1")
LAYER = "unet.warps.{}.attn2.core"
LAYERS = LAYER.format("[01]")
MILD, CALIBRATION_BATCHES = 0.1, 8
SHOWN = ("stripes", "checks", "lettering")
"""Fabrics, of each of which the first person's pictures are stored."""
BATCH_SEED = 7919
"""Added to a seed for the examples of the arms that go on."""


@dataclass(frozen=True)
class Arm:
    """One way to train."""

    losses: tuple[str, ...] = ()
    """Fields of :class:`Shaping`."""
    base: str = ""
    """The arm whose weights it begins with; empty: from scratch."""
    told: bool = False
    """Whether it is told the true places."""
    weight: float = 0.0
    """Of every loss, if it is given and not found by the dose."""
    layers: str = LAYERS
    """Attentions that the losses are on."""
    moved: bool = False
    """Whether it learns from augmented examples."""
    deep: bool = False
    """Whether it is the deeper network."""


VARIATION, ENTROPY = "total_variation", "entropy"
ARMS = {
    "none": Arm(),
    "control": Arm(base="none"),
    "variation": Arm((VARIATION,), base="none"),
    "entropy": Arm((ENTROPY,), base="none"),
    "both": Arm((VARIATION, ENTROPY), base="none"),
    "released": Arm((VARIATION,), base="none", weight=0.001),
    "told": Arm(base="none", told=True),
    "variation-scratch": Arm((VARIATION,)),
    "entropy-scratch": Arm((ENTROPY,)),
    "deep": Arm(deep=True),
    "deep-control": Arm(base="deep", deep=True),
    **{f"deep-{n}": Arm((VARIATION,), base="deep", layers=LAYER.format(n), deep=True) for n in range(4)},
    "moved": Arm(moved=True),
    "moved-control": Arm(base="moved", moved=True),
    "moved-variation": Arm((VARIATION,), base="moved", moved=True),
    "moved-both": Arm((VARIATION, ENTROPY), base="moved", moved=True),
}
Scores = dict[str, Any]


def weights_of(arm: Arm, norms: Scores) -> Scores:
    """The weights of an arm's losses, by their fields."""
    return {name: arm.weight or MILD * norms["denoise"] / norms[name] for name in arm.losses}


class Runs:
    """Trainings on one laying; their examples are encoded once, and their models are kept."""

    def __init__(self, laid: str, models: Path) -> None:
        self.laid, self.models = laid, models
        self.data = DataConfig(laid=laid)  # type: ignore[arg-type]
        self.encoded: dict[bool, LatentSource] = {}

    def latents(self, task: StableVITONTask, moved: bool = False) -> LatentSource:
        """The first training examples."""
        if moved not in self.encoded:
            variants, count = SETTINGS if moved else Augmentation(), TASK.cached_examples
            self.encoded[moved] = LatentSource(World(self.data), task.autoencoder, count, augmentation=variants)
        return self.encoded[moved]

    def model(self, arm: str, seed: int) -> Path:
        """Where an arm's is kept."""
        return self.models / f"{self.laid}-{arm}-{seed}"

    def train(self, name: str, seed: int, norms: Scores) -> None:
        """Train one arm and keep its model."""
        arm = ARMS[name]
        task = replace(
            DEEP if arm.deep else TASK,
            shaping=Shaping(layers=arm.layers, **weights_of(arm, norms)),
            supervision=TELLING.supervision if arm.told else Supervision(),
            initial=str(self.model(arm.base, seed)) if arm.base else "",
        )
        settings = experiment(task, MORE if arm.base else STEPS, self.data)
        settings = replace(settings, train=replace(settings.train, learning_rate=MORE_RATE if arm.base else RATE))
        first = seed + BATCH_SEED if arm.base else seed
        pipeline = train_stable_viton(settings, first, lambda task: self.latents(task, arm.moved))
        with atomic_folder(self.model(name, seed)) as folder:
            pipeline.save_pretrained(folder)

    def calibrate(self, arm: Arm, seed: int) -> Scores:
        """The norms of the losses' gradients where the base has ended, on training examples."""
        seed_everything(seed)
        start = self.model("deep" if arm.deep else "none", seed)
        shaping = Shaping(layers=arm.layers, total_variation=1.0, entropy=1.0)
        config = replace(DEEP if arm.deep else TASK, shaping=shaping, initial=str(start))
        task = new_task(config, self.data)
        assert isinstance(task, StableVITONTask)
        batches = training_batches(self.latents(task), batch_size=16, seed=seed + BATCH_SEED)
        norms = gradient_norms(task.denoiser_loss, task, islice(batches, CALIBRATION_BATCHES))  # type: ignore[arg-type]
        return {"seed": seed, "laid": self.laid, "norms": norms}


def looks(attention: Mapping[str, AttentionRecord], batch: TryOnBatch) -> Scores:
    """What is read from every attention."""
    found = {}
    for name, record in attention.items():
        pixels = error(expected_coordinates(record), batch, lattice=batch.size)
        found[name] = {"error": pixels, **readings(record, batch), **truths(batch, record)}
    return found


def scores(pipeline: Pipeline, batch: TryOnBatch) -> tuple[Scores, TryOn]:
    """Masked SSIM of pictures painted in one step, and what is read from every attention."""
    worn = try_on(pipeline, batch, steps=1)
    painted = float(ssim(worn.image, batch.person, batch.agnostic_mask).nanmean())
    return {"masked_ssim": painted, **looks(worn.attention, batch)}, worn


def cooled(control: Pipeline, batch: TryOnBatch, wanted: Scores) -> Scores:
    """What is read from the control's finest attentions at the entropies of another arm's."""
    attention, found = try_on(control, batch, steps=1).attention, {}
    for name in FINEST:
        record = attention[name]
        known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)[1] > 0.5
        temperature = temperature_of_entropy(record, known.float(), wanted[name]["entropy"])
        found |= looks({name: replace(record, scale=record.scale / temperature)}, batch)
        found[name]["temperature"] = temperature
    return found


def keep(arm: str, batch: TryOnBatch, kinds: list[str], worn: TryOn, found: Scores) -> None:
    """Add the pictures of a few people to the stored ones."""
    shown = [kinds.index(kind) for kind in SHOWN]
    best = worn.attention[min(FINEST, key=lambda name: found[name]["error"])]
    spread = spread_in_tokens(best).unflatten(1, best.query_grid)[shown]
    arms = dict(load_shaped().arms) if STORED.exists() else {}
    kept = Shaped(worn.image[shown], expected_coordinates(best)[shown], spread)
    save_shaped(STORED, tuple(batch.index[shown].tolist()), arms | {arm: kept})


def measure(arm: str, seed: int, runs: Runs, stored: Scores, batch: TryOnBatch, kinds: list[str]) -> Scores:
    """The scores of one arm, which is trained unless its model is kept."""
    known, norms = stored["calibration"], {}
    if ARMS[arm].losses:
        key = f"{'deep ' if ARMS[arm].deep else ''}{ARMS[arm].layers}"
        known[key] = known.get(key) or runs.calibrate(ARMS[arm], seed)
        norms = known[key]["norms"]
    if not runs.model(arm, seed).exists():
        runs.train(arm, seed, norms)
    found, worn = scores(load_pipeline(runs.model(arm, seed)), batch)
    if seed == 0 and runs.laid == "anyhow" and not ARMS[arm].deep:
        keep(arm, batch, kinds, worn, found)
    return found


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--laid", default="anyhow", choices=LAID)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--models", type=Path, default=Path("runs/shaping"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    stored: Scores = {"examples": EXAMPLES, "calibration": {}, "runs": {}}
    if options.out.exists():
        stored |= json.loads(options.out.read_text(encoding="utf8"))
    batch, kinds = people(DataConfig(laid=options.laid))
    stored[f"references_{options.laid}"] = opponents(batch)
    trainings, runs = Runs(options.laid, options.models), stored["runs"]
    for seed in options.seeds:
        for arm in options.arms:
            name, start = f"{options.laid}-{arm}-{seed}", time.perf_counter()
            if name in runs:
                continue
            found = measure(arm, seed, trainings, stored, batch, kinds)
            runs[name] = {"seconds": round(time.perf_counter() - start, 1), **found}
            if arm == "entropy":
                control = load_pipeline(trainings.model("control", seed))
                runs[f"{options.laid}-cooled-{seed}"] = cooled(control, batch, found)
            replace_text(options.out, json.dumps(stored, indent=1) + "\n")
            short = {n: round(found[n]["error"], 2) for n in FINEST} | {"ssim": round(found["masked_ssim"], 4)}
            print(name, runs[name]["seconds"], short, flush=True)
    print(json.dumps(stored))


if __name__ == "__main__":
    main()
