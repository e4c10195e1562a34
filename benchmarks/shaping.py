"""What total variation and entropy do to a small StableVITON: as losses from the start, or after a base stage.

The frame is that of benchmarks/ablations.py: 300 steps of 16 from scratch on the latents of 2,048 examples, attention
never told anything, then 96 unpaired people of the test split, garments laid anyhow or straight. Arms that are
switched on *later* go on from the arm without a loss for 100 more steps, ``control`` goes on without any. The losses
are on the two finest attentions, 16x12 tokens, at every noise level. Their dose is the size of their gradient beside
that of the denoising loss, measured once on training examples where the base stage of the first seed has ended: *mild*
is a tenth, otherwise it is as large. Written before measuring:

V1 Total variation makes centres change slowly: a smaller variation than without, from the start and later.
V2 Switched on later it brings centres nearer to the truth than the control; from the start it does not.
V3 From the start it harms: attention has found nothing yet, and equal centres everywhere cost nothing.
V4 It fixes errors of colour (its authors' picture of a striped garment): later, masked SSIM rises over the control's.
E1 Entropy sharpens: more attention within 1.5 tokens of the truth than the control, later.
E2 From the start it harms: attention settles on few places before it has found them.
B1 Both, later, do better in places and in pictures than either alone.
T  Told the true flow (benchmarks/ablations.py, same settings) errs least: the positive control.

    python -m benchmarks.shaping [--laid anyhow] [--seeds 0 1 2 3 4] [--arms none control] [--out results.json]

One training from scratch takes two minutes of a core that computes in bf16, one that goes on a third of that. Runs that
are in the file are not repeated; what goes on needs its base, which is kept in ``--bases``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablations import references
from benchmarks.blind import LAID, error, train_stable_viton
from benchmarks.readings import gradient_norms, readings
from vtonlib.attention import expected_coordinates
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.disk import atomic_folder, replace_text
from vtonlib.evaluation import ssim
from vtonlib.evaluation.dispersion import spread_in_tokens
from vtonlib.experiment import try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import ExperimentConfig, new_task
from vtonlib.scoring import Examples
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask
from vtonlib.tasks.supervision import Shaping
from vtonlib.training.precision import computes_in_bf16
from vtonlib.training.trainer import seed_everything
from vtonlib.viz.shaped import STORED, Shaped, load_shaped, save_shaped

RESULTS = Path(__file__).parent / "results" / "shaping.json"
EXAMPLES = 96
TRAIN = TrainConfig(
    steps=300,
    batch_size=16,
    learning_rate=2e-3,
    schedule="cosine",
    ema_decay=0.98,
    precision="bf16" if computes_in_bf16(torch.device("cpu")) else "no",
    sample_every=0,
)
MORE = replace(TRAIN, steps=100, learning_rate=1e-3)
"""Of the arms that go on."""
TASK = StableVITONConfig(
    block_out_channels=(32, 64, 64),
    attention_levels=(False, True, True),
    num_attention_heads=1,
    garment_network="unet",
    carries_latents=True,
    patch_size=2,
    pure_noise=0.5,
    denoising_steps=4,
    cached_examples=2048,
)
"""As benchmarks/ablations.py's, left to itself. Written out: a preset that learns better changes nothing here."""
LAYERS = "unet.warps.[01].attn2.core"
FINEST = ("warps.0", "warps.1")
MILD, STRONG, CALIBRATION_BATCHES = 0.1, 1.0, 8
SHOWN = ("stripes", "checks", "lettering")
"""Fabrics of the people whose pictures are stored."""
BATCH_SEED = 7919
"""Added to a seed for the examples of the arms that go on."""


@dataclass(frozen=True)
class Arm:
    """One way to train."""

    losses: tuple[str, ...] = ()
    """Fields of :class:`Shaping`."""
    dose: float = STRONG
    """Size of each loss's gradient, as a multiple of the denoising loss's."""
    goes_on: bool = False
    """Whether it begins with the weights of ``none``."""


VARIATION, ENTROPY = "total_variation", "entropy"
ARMS = {
    "none": Arm(),
    "control": Arm(goes_on=True),
    "variation-mild-later": Arm((VARIATION,), MILD, goes_on=True),
    "entropy-mild-later": Arm((ENTROPY,), MILD, goes_on=True),
    "both-mild-later": Arm((VARIATION, ENTROPY), MILD, goes_on=True),
    "variation-later": Arm((VARIATION,), goes_on=True),
    "entropy-later": Arm((ENTROPY,), goes_on=True),
    "variation": Arm((VARIATION,)),
    "entropy": Arm((ENTROPY,)),
    "both-later": Arm((VARIATION, ENTROPY), goes_on=True),
    "both": Arm((VARIATION, ENTROPY)),
}
Scores = dict[str, Any]


def weights_of(arm: Arm, norms: Scores) -> Scores:
    """The weights of an arm's losses, by their fields."""
    return {name: arm.dose * norms["denoise"] / norms[name] for name in arm.losses}


class Runs:
    """Trainings on one laying; their examples are encoded once, and the arms without a loss are kept."""

    def __init__(self, laid: str, bases: Path) -> None:
        self.laid, self.bases = laid, bases
        self.data = DataConfig(laid=laid)  # type: ignore[arg-type]
        self.encoded: LatentSource | None = None

    def latents(self, task: StableVITONTask) -> LatentSource:
        """The first training examples."""
        if self.encoded is None:
            self.encoded = LatentSource(World(self.data), task.autoencoder, TASK.cached_examples)
        return self.encoded

    def base(self, seed: int) -> Path:
        """Where the arm without a loss is kept."""
        return self.bases / f"{self.laid}-{seed}"

    def train(self, arm: Arm, seed: int, norms: Scores) -> Pipeline:
        """The pipeline of one arm."""
        shaping = Shaping(layers=LAYERS, **weights_of(arm, norms))
        task = replace(TASK, shaping=shaping, initial=str(self.base(seed)) if arm.goes_on else "")
        settings = ExperimentConfig(
            preset="stableviton", size="tiny", task=task, data=self.data, train=MORE if arm.goes_on else TRAIN
        )
        pipeline = train_stable_viton(settings, seed + BATCH_SEED * arm.goes_on, self.latents)
        if arm == ARMS["none"]:
            with atomic_folder(self.base(seed)) as folder:
                pipeline.save_pretrained(folder)
        return pipeline

    def calibrate(self, seed: int) -> dict[str, float]:
        """The norms of the losses' gradients where the base stage has ended, on training examples."""
        seed_everything(seed)
        shaping = Shaping(layers=LAYERS, total_variation=1.0, entropy=1.0)
        task = new_task(replace(TASK, shaping=shaping, initial=str(self.base(seed))), self.data)
        assert isinstance(task, StableVITONTask)
        batches = training_batches(self.latents(task), batch_size=TRAIN.batch_size, seed=seed + BATCH_SEED)
        return gradient_norms(task.denoiser_loss, task, islice(batches, CALIBRATION_BATCHES))  # type: ignore[arg-type]


def scores(pipeline: Pipeline, batch: TryOnBatch, shown: list[int]) -> tuple[Scores, Shaped]:
    """Pictures painted in one step and in ten, what is read from every attention while painting in one, and what is
    kept of the people ``shown``."""
    found: Scores = {}
    for steps in (10, 1):
        worn = try_on(pipeline, batch, steps=steps)
        found[f"masked_ssim_{steps}"] = float(ssim(worn.image, batch.person, batch.agnostic_mask).nanmean())
    for name, record in worn.attention.items():
        pixels = error(expected_coordinates(record), batch, lattice=batch.size)
        found[name] = {"error": pixels, **readings(record, batch)}
    best = worn.attention[min(FINEST, key=lambda name: found[name]["error"])]
    centres, spread = expected_coordinates(best), spread_in_tokens(best).unflatten(1, best.query_grid)
    return found, Shaped(worn.image[shown], centres[shown], spread[shown])


def people(laid: str) -> tuple[TryOnBatch, list[int]]:
    """The test people in others' garments, and of them the first in stripes, in checks and in lettering."""
    examples = Examples("unpaired", World(DataConfig(laid=laid)), "test", unpaired=True)  # type: ignore[arg-type]
    parts = list(examples.batches(EXAMPLES))
    kinds = [kind for _, names in parts for kind in names]
    return TryOnBatch.concatenate([part for part, _ in parts]), [kinds.index(kind) for kind in SHOWN]


def keep(arm: str, batch: TryOnBatch, shown: list[int], found: Shaped) -> None:
    """Add one arm to the stored pictures."""
    arms = dict(load_shaped().arms) if STORED.exists() else {}
    save_shaped(STORED, tuple(batch.index[shown].tolist()), arms | {arm: found})


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--laid", default="anyhow", choices=LAID)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--bases", type=Path, default=Path("runs/shaping"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    stored: Scores = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {"runs": {}}
    batch, shown = people(options.laid)
    trainings = Runs(options.laid, options.bases)
    for seed in options.seeds:
        for arm in options.arms:
            name = f"{options.laid}-{arm}-{seed}"
            if name in stored["runs"]:
                continue
            start = time.perf_counter()
            if ARMS[arm].losses and "calibration" not in stored:
                stored["calibration"] = {"seed": seed, "laid": options.laid, "norms": trainings.calibrate(seed)}
            pipeline = trainings.train(ARMS[arm], seed, stored.get("calibration", {}).get("norms", {}))
            found, kept = scores(pipeline, batch, shown)
            stored["runs"][name] = {"seconds": round(time.perf_counter() - start, 1), **found}
            stored["examples"], stored[f"references_{options.laid}"] = EXAMPLES, references(batch)
            replace_text(options.out, json.dumps(stored, indent=1) + "\n")
            if seed == 0 and options.laid == "anyhow":
                keep(arm, batch, shown, kept)
            short = {n: round(found[n]["error"], 2) for n in FINEST} | {"ssim": round(found["masked_ssim_1"], 4)}
            print(name, stored["runs"][name]["seconds"], short, flush=True)


if __name__ == "__main__":
    main()
