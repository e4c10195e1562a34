"""Does a base that is left intact carry a StableVITON to pictures that its own training did not show?

StableVITON freezes a painter that has seen much more than the pairs of the try-on set, and its authors credit it with
the backgrounds of other data sets. The world's training split shows a studio, its cross split streets. So here a
*base*, which knows the garment by its token alone, first learns from the people of the training split, half of whom
stand before a street (``HalfInStreets``); then what reads the garment is added and trained on the split as it is:

frozen    the base as it was left, as in the paper
unfrozen  the base goes on learning with the rest
scratch   nothing was trained before: everything learns on the training split, for as many steps as both stages have

All have the same shape, and their attention is told the truth, so that there is a garment to speak of after so few
steps. People whom nobody trained on wear others' garments, laid anyhow: before a studio (test) and before streets
(cross). What counts is how much masked SSIM drops from the one to the other. Written before measuring:

P1 It drops less with the frozen base than from scratch, for every seed.
P2 It drops less with the frozen base than with the unfrozen, which may forget streets, for every seed.
P3 The difference lies around the garment (background, skin), not inside it: there frozen base and scratch drop alike,
   within 0.01.
P4 Freezing costs something at home: on the test split the unfrozen base paints better than the frozen.
P5 Where attention looks hardly depends on the background: in no arm the error grows by more than half a pixel.

    python -m benchmarks.intact_prior [--seeds 5] [--out results.json]

A seed takes about five minutes of one core. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from benchmarks import ablations
from benchmarks.ablations import EXAMPLES, TRAIN, references
from benchmarks.blind import error, train_stable_viton
from vtonlib.attention import expected_coordinates
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.scene import CYCLE, Scene
from vtonlib.data.source import Indices, Split, ordered_batches
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import ssim
from vtonlib.experiment import try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.presets import ExperimentConfig
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.stable_viton import StableVITONConfig

RESULTS = Path(__file__).parent / "results" / "intact_prior.json"
BASE, BRANCH = 200, 200
"""Steps of the two stages; ``scratch`` has both."""
DATA = DataConfig(laid="anyhow")
TASK = replace(
    ablations.TASK,
    block_out_channels=(64, 96),
    attention_levels=(False, False),
    pure_noise=0.9,
    denoising_steps=1,
    sharp_teaches=True,
)
"""The flat, wide network of the speed run, told where to look: of all small ones it learns fastest.

Both readings of its short way teach attention, as they do in the shipped models, which are told too.
"""
SPLITS: dict[str, Split] = {"test": "test", "cross": "cross"}
Scores = dict[str, float]


class HalfInStreets(World):
    """The world, but every other eight of its training examples stand before a street."""

    def scenes(self, split: Split, indices: Indices) -> Scene:
        """As :meth:`World.scenes`; of the training split, half in streets."""
        scenes = super().scenes(split, indices)
        street = (scenes.index // len(CYCLE)) % 2 == 1
        return replace(scenes, setting=replace(scenes.setting, street=street)) if split == "train" else scenes


def experiment(task: StableVITONConfig, steps: int, data: DataConfig = DATA) -> ExperimentConfig:
    """A training of so many steps, at the rate of the speed run."""
    train: TrainConfig = replace(TRAIN, steps=steps, learning_rate=3e-3, ema_decay=0.99)
    return ExperimentConfig(preset="stableviton", size="tiny", task=task, data=data, train=train)


def around(batch: TryOnBatch) -> Tensor:
    """What has to be painted and is not garment: background, skin, other clothes; [b 1 h w]."""
    return (batch.agnostic_mask - batch.garment_region).clamp_min(0)


def scores(pipeline: TryOnDiffusionPipeline, batch: TryOnBatch) -> Scores:
    """Masked SSIM in all of the mask, inside the garment and around it; the error of the better of the finest maps."""
    worn = try_on(pipeline, batch, steps=1)
    regions = {"masked": batch.agnostic_mask, "garment": batch.garment_region, "around": around(batch)}
    found = {f"{name}_ssim": float(ssim(worn.image, batch.person, mask).nanmean()) for name, mask in regions.items()}
    errors = [error(expected_coordinates(r), batch, lattice=batch.size) for r in worn.attention.values()]
    return found | {"error": min(errors)}


class Stages:
    """The trainings of one seed; the base is trained once and kept in a folder."""

    def __init__(self, seed: int, latents: dict[str, LatentSource]) -> None:
        self.seed, self.latents = seed, latents
        self.folder = tempfile.TemporaryDirectory()

    def train(self, arm: str) -> TryOnDiffusionPipeline:
        """One arm's pipeline."""
        if arm == "base":
            base = self._trained(replace(TASK, trains="base"), BASE, "streets too")
            base.save_pretrained(self.folder.name)
            base.unet.carrying = 0  # its short way is untrained, and nothing that a base paints with
            return base
        if arm == "scratch":
            return self._trained(TASK, BASE + BRANCH, "studio")
        task = replace(TASK, initial=self.folder.name, trains="garment" if arm == "frozen" else "all")
        return self._trained(task, BRANCH, "studio")

    def _trained(self, task: StableVITONConfig, steps: int, where: str) -> TryOnDiffusionPipeline:
        pipeline = train_stable_viton(experiment(task, steps), self.seed, lambda task: self.latents[where])
        assert isinstance(pipeline, TryOnDiffusionPipeline)
        return pipeline


ARMS = ("base", "frozen", "unfrozen", "scratch")
"""In order: the second and the third start from the first."""


def people() -> dict[str, TryOnBatch]:
    """Those that are painted, by split."""
    world = World(DATA)
    return {
        name: TryOnBatch.concatenate(list(ordered_batches(world, split, count=EXAMPLES, unpaired=True)))
        for name, split in SPLITS.items()
    }


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    runs = json.loads(options.out.read_text(encoding="utf8"))["runs"] if options.out.exists() else {}
    keep_freed_memory()
    tests, latents = people(), dict[str, LatentSource]()
    rest = {"examples": EXAMPLES, "references": {name: references(batch) for name, batch in tests.items()}}
    for seed in range(options.seeds):
        missing = [arm for arm in ARMS if f"{arm}-{seed}" not in runs]
        if "frozen" in missing or "unfrozen" in missing:
            missing = ["base", *(arm for arm in missing if arm != "base")]  # they start from it
        if missing and not latents:
            sources = {"studio": World(DATA), "streets too": HalfInStreets(DATA)}
            autoencoder = load_autoencoder()
            latents = {n: LatentSource(source, autoencoder, TASK.cached_examples) for n, source in sources.items()}
        stages = Stages(seed, latents)
        for arm in missing:
            start = time.perf_counter()
            pipeline = stages.train(arm)
            found = {name: scores(pipeline, batch) for name, batch in tests.items()}
            runs[f"{arm}-{seed}"] = {"seconds": round(time.perf_counter() - start, 1), **found}
            print(f"{arm}-{seed}", runs[f"{arm}-{seed}"], flush=True)
            replace_text(options.out, json.dumps(rest | {"runs": runs}, indent=1) + "\n")
    print(json.dumps(rest | {"runs": runs}))


if __name__ == "__main__":
    main()
