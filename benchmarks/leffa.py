"""What Leffa's loss does to small diffusion models that were told nothing about places.

``stableviton`` is the flat StableVITON of benchmarks/shaping.py, whose bases, controls and told models are those of
that benchmark: 400 steps, five seeds, and 100 steps more. ``pair`` is Leffa's pair of UNets: the first two stages of
preset ``leffa``, size tiny (600 steps at half the size, 2,400 at the whole one), from which the shipped leffa-tiny went
on too; one base for all seeds, and 60 steps more, whose examples and noise differ from seed to seed. All
garments are laid anyhow. From a base arms go on: ``control`` without a loss, the others with Leffa's, unchanged from
the one model to the other, on the attentions to the garment. A dose is the size of the loss's gradient beside that of
the denoising loss, measured once where StableVITON's first base has ended: ``leffa`` a tenth, ``strong`` as much; for
the pair these are the preset's weight, 0.03, and ten times that. ``paper`` has the paper's weight and noise levels,
0.001 below 500 of 1,000. All other arms have ``leffa``'s weight and one thing changed. Written before measuring:

D1 Finds: at a tenth's dose centres come nearer to the truth than in the control, in every seed.
D2 Paints: masked SSIM rises with it.
D3 The paper's weight changes less than a twentieth of the error: most of our examples are pure noise, which it leaves
   out, and the dose is small.
D4 The temperature: 2 (the paper's) errs less than 1/2, 1 and 4.
D5 Another person's target (negative control) errs more than the control; the truth itself (told) errs least.
D6 From scratch, beside painting, the loss does harm: a larger error than the base has after as many steps.
D7 The blind twin, whose keys see no pixel of the garment, gains less than the seeing model.
D8 Over 2n keys the loss draws centres to the middle: less reach than with n, and a larger error.
D9 Layers of the pair: without the coarse attention of 8x6 tokens and the first of all (``fine``) the loss helps no less
   than on all; on the coarse one alone it changes the others by less than a twentieth.
D10 Noise levels: below 500, where the person shows through the noise, it teaches less than at and above 500.

``pose`` is the same pair for pose transfer, the reference a picture of the person in another pose: the first two stages
of preset ``leffa_pose``, one base. Everything is painted there, so its masked SSIM is of whole pictures, and places are
scored where both pictures show a point of the person. Written before measuring:

P1 The loss brings centres nearer to the truth than the control, in every seed, and by more than in try-on: there are
   more colours to tell places by.
P2 Pictures do not change by it: SSIM within 0.002 of the control's.
P3 Another person's target errs more than the control, and told errs least.

Measured so far: StableVITON ``none``, ``control``, ``leffa``, ``paper``, ``told`` and ``scratch``: D6 holds in four
seeds of five, and on the mean is not decided; of the pair all but ``scratch``; the blind twin from one base. Found for
the pair: D1 holds, by a fiftieth of a token; D2 does not, pictures hardly change; D3, D5, D9 and, in four seeds of
five, D10 hold; D4 does not, 1/2 and 1 do as well as 2; D7 does not where the pair paints, the twin gains as much, and
holds in the first attention of all; D8 does not, 2n keys change nothing. Found for pose transfer: P1 and P2 hold; of P3
told errs least, and another person's target errs less than the control, not more; D7 holds there, the blind twin gains
nothing.

    python -m benchmarks.leffa pair|pose [--seeds 0 1 2 3 4] [--arms leffa paper] [--models FOLDER] [--out FILE]

An arm takes a minute of a core that computes in bf16. Runs that are in the file are not repeated; what goes on needs
its base in ``--models``, as anyhow-none-SEED, and every model is kept there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.ablations import EXAMPLES, people
from benchmarks.augmented_painter import opponents
from benchmarks.blind import TOKENS, error
from benchmarks.intact_prior import TASK as TELLING
from benchmarks.intact_prior import experiment
from benchmarks.readings import gradient_norms, readings
from benchmarks.shaping import BATCH_SEED, LAYERS, MORE, MORE_RATE, RATE, STEPS
from benchmarks.shaping import TASK as STABLE_VITON
from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import training_batches
from vtonlib.disk import atomic_folder, replace_text
from vtonlib.evaluation import frechet_distance, kernel_distance, pck, ssim, truth_on_lattice
from vtonlib.evaluation.dispersion import spread_in_tokens
from vtonlib.experiment import load_pipeline, try_on
from vtonlib.grids import masked_mean, resize_flow, warp
from vtonlib.losses.flow import TEMPERATURE, joined_flow, leffa, reference_share
from vtonlib.memory import keep_freed_memory
from vtonlib.models.classifier import load_classifier
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import ExperimentConfig, new_task, open_source
from vtonlib.tasks import supervision
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.leffa import ATTENTIONS, LeffaConfig
from vtonlib.tasks.supervision import Following, Supervision
from vtonlib.training.trainer import Trainer, seed_everything
from vtonlib.viz.shaped import Shaped, load_shaped, save_shaped
from vtonlib.viz.snapshots import FOLDER

RESULTS = Path(__file__).parent / "results"
PICTURES = FOLDER / "leffa-followed.safetensors"
"""The pair's pictures of the first seed."""
UP = "up_blocks.1.attentions.0"
SHOWN = ("stripes", "checks", "lettering", "plain")
"""Fabrics, of each of which the first person's pictures are stored."""
DATA = DataConfig(laid="anyhow")
POSES = DataConfig(reference="person")
MILD, STRONG, PAPER, FOLLOWED, CALIBRATION_BATCHES = 0.1, 1.0, 0.001, 0.03, 8
Scores = dict[str, Any]


def another(record: AttentionRecord, reference: Tensor, target: Tensor, mask: Tensor, *, temperature: float) -> Tensor:
    """Leffa's loss with the next person of the batch as the target."""
    return leffa(record, reference, target.roll(1, 0), mask, temperature=temperature)


def joined(record: AttentionRecord, reference: Tensor, target: Tensor, mask: Tensor, *, temperature: float) -> Tensor:
    """Leffa's loss with the softmax over all keys; where all are the garment's, the queries are keys too."""
    if len(record.key_grids) == 1:
        keys = torch.cat((record.query, record.key), dim=2)
        record = replace(record, key=keys, key_grids=(record.query_grid, *record.key_grids))
    flow = resize_flow(joined_flow(record, temperature=temperature), *target.shape[-2:])
    return masked_mean((warp(reference.to(flow.dtype), flow) - target).square(), mask)


@dataclass(frozen=True)
class Arm:
    """One way to train."""

    dose: float = 0.0
    """Gradient of Leffa's loss beside that of the denoising loss."""
    weight: float = 0.0
    """Its weight, if it is given and not found by the dose."""
    temperature: float = TEMPERATURE
    """Of attention as the loss reads it."""
    min_time: int = 0
    """Noise levels with the loss, from this one"""
    max_time: int = 999
    """to this one."""
    layers: str = ""
    """Attentions with the loss, if not those of the model's."""
    form: Callable[..., Tensor] = leffa
    """How the loss is written."""
    base: str = "none"
    """The arm whose weights it begins with; empty: from scratch."""
    told: bool = False
    """Whether it is told the true places."""
    blind: bool = False
    """Whether its keys see no pixel of the garment."""


ARMS = {
    "none": Arm(base=""),
    "control": Arm(),
    "leffa": Arm(MILD),
    "told": Arm(told=True),
    "strong": Arm(STRONG),
    "paper": Arm(weight=PAPER, max_time=499),
    "tau-one": Arm(MILD, temperature=1.0),
    "tau-four": Arm(MILD, temperature=4.0),
    "another": Arm(MILD, form=another),
    "two-n": Arm(MILD, form=joined),
    "fine": Arm(MILD, layers="unet.unet.up_blocks.*.attn1.core"),
    "coarse": Arm(MILD, layers="unet.unet.mid_block.*.attn1.core"),
    "low": Arm(MILD, max_time=499),
    "high": Arm(MILD, min_time=500),
    "tau-half": Arm(MILD, temperature=0.5),
    "scratch": Arm(MILD, base=""),
    "blind": Arm(base="", blind=True),
    "blind-control": Arm(base="blind", blind=True),
    "blind-leffa": Arm(MILD, base="blind", blind=True),
}


@dataclass(frozen=True)
class Kind:
    """A model to train."""

    preset: str
    task: Any
    """Its settings, told nothing."""
    layers: str
    """Pattern of the attentions that a loss is on."""
    steps: int
    """Of its bases,"""
    more: int
    """and of the arms that go on,"""
    rate: float
    """at this learning rate."""
    weight: float = 0.0
    """Of a tenth's dose, where it is not measured."""
    data: DataConfig = DATA

    def told(self) -> Supervision:
        """Its supervision where it is told."""
        return replace(TELLING.supervision, layers=self.layers)


PAIR = LeffaConfig(
    order="stable_viton",
    block_out_channels=(64, 96),
    attention_levels=(True, False),
    num_attention_heads=1,
    carries_latents=True,
    places_reference=True,
    patch_size=2,
    pure_noise=0.9,
    denoising_steps=1,
    cached_examples=1024,
)
"""The tiny preset, written out, so that one that learns better does not change what was measured."""
KINDS = {
    "stableviton": Kind("stableviton", STABLE_VITON, LAYERS, STEPS, MORE, MORE_RATE),
    "pair": Kind("leffa", PAIR, ATTENTIONS, 2400, 60, 5e-4, FOLLOWED),
    "pose": Kind("leffa_pose", replace(PAIR, order="leffa_pose"), ATTENTIONS, 2400, 60, 5e-4, FOLLOWED, POSES),
}


class Runs:
    """Trainings of one model; their examples are encoded once, and what they leave is kept."""

    def __init__(self, kind: Kind, models: Path) -> None:
        self.kind, self.models = kind, models
        self.encoded: LatentSource | None = None

    def latents(self, task: Any) -> LatentSource:
        """The first training examples."""
        if self.encoded is None:
            self.encoded = LatentSource(open_source(self.kind.data), task.autoencoder, self.kind.task.cached_examples)
        return self.encoded

    def model(self, arm: str, seed: int) -> Path:
        """Where an arm's is kept."""
        return self.models / f"anyhow-{arm}-{seed}"

    def settings(self, arm: Arm, weight: float) -> Any:
        """The task of an arm."""
        changed = {"keys_see": "place"} if arm.blind else {}
        following = Following(
            layers=arm.layers or self.kind.layers,
            leffa=weight,
            temperature=arm.temperature,
            min_time=arm.min_time,
            max_time=arm.max_time,
        )
        told = self.kind.told() if arm.told else Supervision()
        return replace(self.kind.task, following=following, supervision=told, **changed)

    def train(self, name: str, seed: int, weight: float) -> None:
        """Train one arm and keep its model."""
        arm = ARMS[name]
        task = self.settings(arm, weight)
        if arm.base:
            task = replace(task, initial=str(self.model(arm.base, seed)))
        plain = experiment(STABLE_VITON, self.kind.more if arm.base else self.kind.steps, self.kind.data)
        first = seed + BATCH_SEED if arm.base else seed
        train = replace(plain.train, seed=first, learning_rate=self.kind.rate if arm.base else RATE)
        config = replace(plain, preset=self.kind.preset, task=task, train=train)
        with patch.object(supervision, "leffa", arm.form):
            pipeline = self.fit(config)
        with atomic_folder(self.model(name, seed)) as folder:
            pipeline.save_pretrained(folder)

    def fit(self, config: ExperimentConfig) -> Pipeline:
        """The pipeline that a training leaves."""
        train = replace(config.train, save_every=config.train.steps, sample_every=0)
        seed_everything(train.seed)
        task = new_task(config.task, config.data)
        examples = self.latents(task)

        def batches(start: int) -> Iterator:
            return training_batches(examples, batch_size=train.batch_size, seed=train.seed, start=start)

        with tempfile.TemporaryDirectory() as folder:
            Trainer(task, batches, train, Path(folder) / "run").fit()
            return load_pipeline(Path(folder) / "run")

    def calibrate(self, seed: int) -> Scores:
        """The norms of the losses' gradients where the base has ended, on training examples."""
        seed_everything(seed)
        config = replace(self.settings(Arm(), 1.0), initial=str(self.model("none", seed)))
        task: Any = new_task(config, self.kind.data)
        batches = training_batches(self.latents(task), batch_size=16, seed=seed + BATCH_SEED)
        norms = gradient_norms(task.denoiser_loss, task, islice(batches, CALIBRATION_BATCHES))
        return {"seed": seed, "norms": norms}


@torch.no_grad()
def looks(attention: Mapping[str, AttentionRecord], batch: TryOnBatch) -> Scores:
    """What is read from every attention to the garment, by name."""
    found = {}
    for name, record in attention.items():
        part = record.per_key_grid()[-1]
        centres = resize_flow(expected_coordinates(part), *batch.size)
        known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)[1].flatten(1) > 0.5
        right = pck(centres, batch.flow, batch.flow_mask, [1.0], lattice=TOKENS)
        kept = {"error": error(expected_coordinates(part), batch, lattice=batch.size), "pck": float(right.nanmean())}
        joined = len(record.key_grids) > 1
        share = float(reference_share(record, temperature=1.0).mean(1).flatten(1)[known].mean()) if joined else 1.0
        found[name] = kept | readings(part, batch) | {"share": share}
        found[name]["all_mass"] = found[name]["mass"] * share
    return found


@torch.no_grad()
def paint(pipeline: Pipeline, batch: TryOnBatch) -> tuple[Tensor, Mapping[str, AttentionRecord]]:
    """Pictures painted in one step, and every attention to the garment; of the pair with the person's own keys."""
    worn = try_on(pipeline, batch, steps=1)
    if not isinstance(pipeline, LeffaPipeline):
        return worn.image, worn.attention
    generator = torch.Generator().manual_seed(0)
    return worn.image, pipeline.read_attention(worn.image, **batch.inputs, part="joined", generator=generator)


@torch.no_grad()
def scores(image: Tensor, attention: Mapping[str, AttentionRecord], batch: TryOnBatch) -> Scores:
    """Masked SSIM of the pictures, their FID and KID by the features of the world's classifier, and what is read from
    every attention."""
    classifier = load_classifier()
    made, real = (classifier.features(shown).double() for shown in (image.clamp(-1, 1), batch.person))
    return {
        "masked_ssim": float(ssim(image, batch.person, batch.agnostic_mask).nanmean()),
        "fid": frechet_distance(made, real),
        "kid": kernel_distance(made, real).mean,
        **looks(attention, batch),
    }


def keep(
    arm: str, batch: TryOnBatch, kinds: list[str], image: Tensor, attention: Mapping[str, AttentionRecord]
) -> None:
    """Add the pictures of a few people to the stored ones, with the first attention of the upper half."""
    shown = [kinds.index(kind) for kind in SHOWN]
    record = attention[UP].per_key_grid()[-1]
    spread = spread_in_tokens(record).unflatten(1, record.query_grid)[shown]
    kept = Shaped(image[shown], expected_coordinates(record)[shown], spread)
    arms = dict(load_shaped(PICTURES).arms) if PICTURES.exists() else {}
    save_shaped(PICTURES, tuple(batch.index[shown].tolist()), arms | {arm: kept})


def measure(arm: str, seed: int, runs: Runs, stored: Scores, batch: TryOnBatch, kinds: list[str]) -> Scores:
    """The scores of one arm, which is trained unless its model is kept."""
    weight = ARMS[arm].weight
    if ARMS[arm].dose and runs.kind.weight:
        weight = ARMS[arm].dose / MILD * runs.kind.weight
    elif ARMS[arm].dose:
        stored["calibration"] = stored["calibration"] or runs.calibrate(seed)
        norms = stored["calibration"]["norms"]
        weight = ARMS[arm].dose * norms["denoise"] / norms["leffa"]
    if not runs.model(arm, seed).exists():
        runs.train(arm, seed, weight)
    image, attention = paint(load_pipeline(runs.model(arm, seed)), batch)
    if seed == 0 and runs.kind is KINDS["pair"]:
        keep(arm, batch, kinds, image, attention)
    return {"weight": weight, **scores(image, attention, batch)}


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--models", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    out = options.out or RESULTS / f"leffa_{options.kind}.json"
    trainings = Runs(KINDS[options.kind], options.models or Path("runs/leffa") / options.kind)
    keep_freed_memory()
    stored: Scores = {"examples": EXAMPLES, "calibration": {}, "runs": {}}
    if out.exists():
        stored |= json.loads(out.read_text(encoding="utf8"))
    batch, kinds = people(KINDS[options.kind].data)
    stored["references"] = opponents(batch)
    for seed in options.seeds:
        for arm in options.arms:
            name, start = f"{arm}-{seed}", time.perf_counter()
            if name in stored["runs"]:
                continue
            found = measure(arm, seed, trainings, stored, batch, kinds)
            stored["runs"][name] = {"seconds": round(time.perf_counter() - start, 1), **found}
            replace_text(out, json.dumps(stored, indent=1) + "\n")
            places = {n: round(v["epe"], 3) for n, v in found.items() if isinstance(v, dict)}
            print(name, stored["runs"][name]["seconds"], places, round(found["masked_ssim"], 4), flush=True)
    print(json.dumps({"runs": len(stored["runs"])}))


if __name__ == "__main__":
    main()
