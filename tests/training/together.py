"""Trainings that one process and two must do alike; two run this file by ``accelerate launch``.

Each training is a function of a folder. Beside its run folder nothing is written, but for ``seen-RANK.json``, the
examples that each process read.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.augment import RELEASED, varied
from vtonlib.data.source import TrainingBatches
from vtonlib.data.world import World
from vtonlib.failures import report
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.tasks.base import Task
from vtonlib.tasks.latents import encode_batch
from vtonlib.tasks.leffa import LeffaConfig, LeffaTask
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.tasks.segmentation import SegmentationConfig, SegmentationTask
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask
from vtonlib.tasks.supervision import Following, Shaping, Supervision
from vtonlib.training.trainer import Trainer

STEPS, BATCH = 4, 4
WORLD = World(DataConfig(height=32, width=24, laid="anyhow"), train_size=20, test_size=16)


def config(**changes: Any) -> TrainConfig:
    """Four steps of four examples."""
    values = {"steps": STEPS, "batch_size": BATCH, "warmup_steps": 2, "precision": "no", "save_every": 2}
    return TrainConfig(**{**values, "sample_every": 0, **changes})


def doubled(batch: Any, step: int) -> Any:
    """The batch in float64."""
    made = {name: value.double() if value.is_floating_point() else value for name, value in batch.tensors().items()}
    return dataclasses.replace(batch, **made)


def latents(batch: Any, step: int, *, task: StableVITONTask | LeffaTask) -> Any:
    """The batch as latents in float64: examples whose garment covers much and little lie in one batch."""
    exact = dataclasses.replace(doubled(batch, step), flow=batch.flow, flow_mask=batch.flow_mask)
    return doubled(encode_batch(task.autoencoder, exact), step)


def fit(out: Path, task: Task, vary: Any = None, **changes: Any) -> Trainer:
    """Train, and keep what was read."""
    chosen, seen = config(**changes), list[list[int]]()

    def watched(batch: Any, step: int) -> Any:
        seen.append(batch.index.tolist())
        return batch if vary is None else vary(batch, step)

    batches = TrainingBatches(WORLD, chosen.batch_size, chosen.seed, watched)
    trainer = Trainer(task, batches, chosen, out)
    trainer.fit()
    (out / f"seen-{trainer.processes.process_index}.json").write_text(json.dumps(seen))
    return trainer


def matcher(out: Path, **changes: Any) -> Trainer:
    """A matcher with each loss on attention, in float64: masked means, of which one process counts more."""
    torch.manual_seed(0)
    core = {"layers": "matcher.core"}
    settings = MatcherConfig(
        channels=8,
        layers=1,
        supervision=Supervision(coordinates=0.3, rows=0.1, **core),
        shaping=Shaping(total_variation=0.1, entropy=0.1, **core),
        following=Following(leffa=0.3, **core),
    )
    return fit(out, MatcherTask(settings).double(), doubled, **changes)


def augmented(out: Path, **changes: Any) -> Trainer:
    """The same in float32, on augmented examples."""
    torch.manual_seed(0)
    vary = partial(varied, settings=RELEASED, seed=3, dense_pose="surface")
    return fit(out, MatcherTask(MatcherConfig(channels=8, layers=1)), vary, **changes)


SMALL = {"block_out_channels": (8, 16), "attention_levels": (False, True), "num_attention_heads": 1}


def _diffusion(task: StableVITONTask | LeffaTask, out: Path, **changes: Any) -> Trainer:
    task.autoencoder = new_autoencoder((8, 8)).requires_grad_(False).eval()
    task.double()
    return fit(out, task, partial(latents, task=task), **changes)


def plain(out: Path, **changes: Any) -> Trainer:
    """A StableVITON whose loss has no mask: each example counts alike."""
    torch.manual_seed(0)
    settings = StableVITONConfig(**SMALL, cross_attention_dim=8, norm_num_groups=4, drop_garment=0.3, keep_weight=1.0)
    return _diffusion(StableVITONTask(settings), out, **changes)


def stable_viton(out: Path, **changes: Any) -> Trainer:
    """A StableVITON that is told, shaped and followed, with all that is drawn."""
    torch.manual_seed(0)
    attentions = {"layers": "unet.warps.*.attn2.core"}
    settings = StableVITONConfig(
        **SMALL,
        cross_attention_dim=8,
        norm_num_groups=4,
        pure_noise=0.3,
        drop_garment=0.3,
        supervision=Supervision(coordinates=0.5, rows=0.1, min_time=400, **attentions),
        shaping=Shaping(total_variation=0.1, entropy=0.05, **attentions),
    )
    return _diffusion(StableVITONTask(settings), out, **changes)


def leffa(out: Path, **changes: Any) -> Trainer:
    """A Leffa with its loss."""
    torch.manual_seed(0)
    settings = LeffaConfig(
        **SMALL,
        norm_num_groups=4,
        order="stable_viton",
        drop_reference=0.3,
        following=Following(leffa=0.3, layers="unet.unet.*.attn1.core"),
    )
    return _diffusion(LeffaTask(settings), out, **changes)


def gan(out: Path, **changes: Any) -> Trainer:
    """Two phases, noise as an input, and dropout."""
    torch.manual_seed(0)
    settings = SegmentationConfig(channels=(4, 6, 8), discriminator_channels=4, discriminator_layers=2, dropout=0.1)
    return fit(out, SegmentationTask(settings).double(), doubled, **changes)


def sharded(out: Path, **changes: Any) -> Trainer:
    """A StableVITON that is cut among the processes."""
    os.environ["ACCELERATE_USE_FSDP"] = "true"
    try:
        return stable_viton(out, **changes)
    finally:
        del os.environ["ACCELERATE_USE_FSDP"]


TRAININGS = {f.__name__: f for f in (matcher, augmented, stable_viton, leffa, gan, sharded)}

LONG = ("matcher", "stable_viton", "sharded")
"""Those that train for four steps; the others for two."""


def main(root: Path) -> None:
    """All trainings, a training that goes on, and at last an error of the second process."""
    for name, train in TRAININGS.items():
        train(root / name, steps=STEPS if name in LONG else 2)
    matcher(root / "resumed", steps=4)
    sharded(root / "cut")
    if PartialState().process_index == 1:
        raise ValueError("this example is broken")
    PartialState().wait_for_everyone()


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        main(Path(sys.argv[1]))
    except Exception as error:
        raise SystemExit(report(error)) from error
