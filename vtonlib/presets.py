# budget: the experiments stand side by side, to be compared
"""Named experiments: functions of one dial, the size.

tiny trains in minutes on two CPU cores at 64x48, small in minutes on a GPU at 128x96, base is 256x192.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import torch

from vtonlib.attention.query_selection import QuerySelection
from vtonlib.config import DataConfig, Size, TrainConfig, from_json, to_json
from vtonlib.data.folders import Folder
from vtonlib.data.reposing import PoseTransfer
from vtonlib.data.source import TryOnSource
from vtonlib.data.world import World
from vtonlib.settings import Fixed, Settings
from vtonlib.tasks.alias import ALIASConfig, ALIASTask
from vtonlib.tasks.autoencoder import AutoencoderConfig, AutoencoderTask
from vtonlib.tasks.base import Task
from vtonlib.tasks.classifier import ClassifierConfig, ClassifierTask
from vtonlib.tasks.geometric_matching import GeometricMatchingConfig, GeometricMatchingTask
from vtonlib.tasks.leffa import ATTENTIONS, LeffaConfig, LeffaTask
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.tasks.segmentation import SegmentationConfig, SegmentationTask
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask
from vtonlib.tasks.supervision import Following, Supervision
from vtonlib.tasks.translation import TranslationConfig, TranslationTask

TaskConfig = (
    StableVITONConfig
    | AutoencoderConfig
    | MatcherConfig
    | ClassifierConfig
    | SegmentationConfig
    | GeometricMatchingConfig
    | ALIASConfig
    | TranslationConfig
    | LeffaConfig
)
DATA: dict[Size, DataConfig] = {
    "tiny": DataConfig(height=64, width=48),
    "small": DataConfig(height=128, width=96),
    "base": DataConfig(height=256, width=192),
}
ANYHOW: dict[Size, DataConfig] = {size: dataclasses.replace(data, laid="anyhow") for size, data in DATA.items()}
"""For models that must find the garment's parts by looking: laid straight, its parts are where they always are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentConfig(Settings):
    """All that determines a run: the preset it came from, and every setting after overrides."""

    preset: Annotated[str, Fixed("Name the preset after `train`")]
    """Name of the preset."""
    size: Annotated[Size, Fixed("Use --size")]
    """The dial that the preset was turned to."""
    task: TaskConfig
    """Model and loss."""
    data: DataConfig
    """Examples."""
    train: TrainConfig
    """Updates."""


STABLEVITON = StableVITONConfig(
    num_attention_heads=1,
    garment_network="unet",
    carries_latents=True,
    sharp_teaches=True,
    patch_size=2,
    pure_noise=0.5,
    supervision=Supervision(coordinates=1.0, rows=0.05, layers="unet.warps.[01].attn2.core"),
)
"""What the sizes of :func:`stableviton` have in common."""
_STABLEVITONS: dict[Size, tuple[StableVITONConfig, TrainConfig]] = {
    "tiny": (
        dataclasses.replace(
            STABLEVITON,
            block_out_channels=(64, 96),
            attention_levels=(False, False),
            pure_noise=0.9,
            denoising_steps=1,
            cached_examples=2560,
        ),
        TrainConfig(steps=1050, batch_size=16, learning_rate=3e-3, schedule="cosine"),
    ),
    "small": (
        dataclasses.replace(
            STABLEVITON,
            block_out_channels=(32, 64, 80, 80),
            attention_levels=(False, False, True, True),
            supervision=dataclasses.replace(STABLEVITON.supervision, layers="unet.warps.[0123].attn2.core"),
            denoising_steps=1,  # trained for hours of a processor, more steps still paint the start noise
        ),
        TrainConfig(
            steps=12_000, batch_size=32, learning_rate=1.5e-3, schedule="cosine", ema_decay=0.998, save_every=500
        ),
    ),
    "base": (
        dataclasses.replace(
            STABLEVITON,
            block_out_channels=(96, 192, 288, 288),
            attention_levels=(False, True, True, True),
            layers_per_block=2,
            num_attention_heads=4,
            denoising_steps=4,
        ),
        TrainConfig(steps=60_000, batch_size=64, learning_rate=2e-4, ema_decay=0.9995, save_every=1000),
    ),
}


def stableviton(size: Size) -> ExperimentConfig:
    """A StableVITON on the shipped autoencoder's latents, from scratch.

    A whole UNet reads the garment, the finest blocks carry its latents, a token is 2x2 latents, and half of the
    examples are pure noise: without these a small model does not learn to copy in minutes. In the world, attention is
    told the truth too, which the papers' authors cannot do, and then learns from both readings of the short way;
    ``--set task.supervision.coordinates=0 task.supervision.rows=0 task.sharp_teaches=false`` leaves it to itself. The
    lattice of the finest blocks is 16x12 in tiny, 32x24 in small.

    Tiny is the fastest setting known that paints well (the speed run's page): flat and wide, self-attention in neither
    UNet, nearly always pure noise, one denoising step. Two cores that compute in bf16 train it in three and a half
    minutes with ``--set train.precision=bf16``.
    """
    task, train = _STABLEVITONS[size]
    return ExperimentConfig(preset="stableviton", size=size, task=task, data=ANYHOW[size], train=train)


LEFFA = LeffaConfig(
    order="stable_viton",
    num_attention_heads=1,
    carries_latents=True,
    places_reference=True,
    patch_size=2,
    pure_noise=0.5,
    denoising_steps=1,
)
"""What the sizes of :func:`leffa` have in common."""
FOLLOWED = Following(leffa=0.03, layers=ATTENTIONS)
"""Leffa's loss in the last stage, see :func:`progressive`."""
_LEFFAS: dict[Size, tuple[LeffaConfig, TrainConfig]] = {
    "tiny": (
        dataclasses.replace(
            LEFFA, block_out_channels=(64, 96), attention_levels=(True, False), pure_noise=0.9, cached_examples=4096
        ),
        TrainConfig(steps=2400, batch_size=16, learning_rate=2e-3, schedule="cosine", ema_decay=0.995),
    ),
    "small": (
        dataclasses.replace(
            LEFFA, block_out_channels=(48, 80, 96), attention_levels=(True, True, True), pure_noise=0.7
        ),
        TrainConfig(
            steps=12_000, batch_size=32, learning_rate=1.5e-3, schedule="cosine", ema_decay=0.998, save_every=500
        ),
    ),
    "base": (
        dataclasses.replace(
            LEFFA,
            block_out_channels=(96, 192, 288, 288),
            attention_levels=(True, True, True, True),
            layers_per_block=2,
            num_attention_heads=4,
            denoising_steps=4,
        ),
        TrainConfig(steps=60_000, batch_size=64, learning_rate=2e-4, ema_decay=0.9995, save_every=1000),
    ),
}


def leffa(size: Size) -> ExperimentConfig:
    """A Leffa for try-on, on the shipped autoencoder's latents, without its loss: the stage that finds its way alone.

    As in :func:`stableviton` the finest blocks carry the latents, a token is 2x2 of them, and most examples are pure
    noise. Attention is told nothing. The loss belongs into a last stage: :func:`progressive`.
    """
    task, train = _LEFFAS[size]
    return ExperimentConfig(preset="leffa", size=size, task=task, data=ANYHOW[size], train=train)


def leffa_pose(size: Size) -> ExperimentConfig:
    """The same for pose transfer: a person is painted from a picture of themselves in another pose."""
    task, train = _LEFFAS[size]
    data = dataclasses.replace(DATA[size], reference="person")
    return ExperimentConfig(
        preset="leffa_pose", size=size, task=dataclasses.replace(task, order="leffa_pose"), data=data, train=train
    )


STAGES = ("low", "whole", "followed")
"""Run folders of the stages of :func:`progressive`: half the size, the whole, and with Leffa's loss."""


def progressive(config: ExperimentConfig) -> tuple[ExperimentConfig, ExperimentConfig, ExperimentConfig]:
    """The stages of a Leffa, each of which starts from what the one before it left (``task.initial``).

    At half the size, for a quarter of the steps; as ``config`` says; and with Leffa's loss, for a quarter of the steps
    at a quarter of the learning rate. The paper's stages are in these proportions to within a factor of two, but for
    pose transfer's first, which is as long as its second.

    Raises:
        ValueError: for a config of another task.
    """
    if not isinstance(config.task, LeffaConfig):
        raise ValueError(f"preset is {config.preset!r}: expected one of Leffa's, leffa or leffa_pose")
    short = dataclasses.replace(config.train, steps=max(1, config.train.steps // 4))
    data = dataclasses.replace(config.data, height=config.data.height // 2, width=config.data.width // 2)
    gentle = dataclasses.replace(short, learning_rate=config.train.learning_rate / 4)
    followed = dataclasses.replace(config.task, following=FOLLOWED)
    return (
        dataclasses.replace(config, data=data, train=short),
        config,
        dataclasses.replace(config, task=followed, train=gentle),
    )


def autoencoder(size: Size) -> ExperimentConfig:
    """The autoencoder of the latents; the shipped one was trained at size tiny."""
    steps = {"tiny": 9000, "small": 20_000, "base": 40_000}[size]
    train = TrainConfig(
        steps=steps, batch_size=4, learning_rate=2e-3, schedule="cosine", ema_decay=0.998, save_every=500
    )
    return ExperimentConfig(preset="autoencoder", size=size, task=AutoencoderConfig(), data=ANYHOW[size], train=train)


def matcher(size: Size) -> ExperimentConfig:
    """The smallest model that learns correspondence."""
    train = TrainConfig(steps=500, batch_size=32, learning_rate=2e-3)
    return ExperimentConfig(preset="matcher", size=size, task=MatcherConfig(), data=ANYHOW[size], train=train)


def classifier(size: Size) -> ExperimentConfig:
    """The classifier whose features stand behind FID and KID."""
    train = TrainConfig(steps=1200, batch_size=64, learning_rate=3e-3, weight_decay=0.01)
    return ExperimentConfig(preset="classifier", size=size, task=ClassifierConfig(), data=DATA[size], train=train)


def segmentation(size: Size) -> ExperimentConfig:
    """VITON-HD's first stage: the segmentation of the person in the new garment."""
    task, train = {
        "tiny": (SegmentationConfig(), TrainConfig(steps=250, batch_size=16, learning_rate=2e-3, schedule="cosine")),
        "small": (
            SegmentationConfig(channels=(32, 64, 96, 128, 192), discriminator_channels=32, dropout=0.1),
            TrainConfig(steps=6000, batch_size=32, learning_rate=1e-3, schedule="cosine", ema_decay=0.998),
        ),
        "base": (
            SegmentationConfig(channels=(64, 128, 256, 512, 1024), discriminator_channels=64, dropout=0.5),
            TrainConfig(steps=100_000, batch_size=8, learning_rate=4e-4, ema_decay=0.9995, save_every=1000),
        ),
    }[size]
    return ExperimentConfig(preset="segmentation", size=size, task=task, data=DATA[size], train=train)


def geometric_matching(size: Size) -> ExperimentConfig:
    """VITON-HD's second stage: the garment bent onto the person by a thin-plate spline."""
    task, train = {
        "tiny": (
            GeometricMatchingConfig(),
            TrainConfig(steps=500, batch_size=16, learning_rate=1e-3, schedule="cosine", ema_decay=0.98),
        ),
        "small": (
            GeometricMatchingConfig(channels=(32, 64, 96, 128), regressor=(128, 96, 64)),
            TrainConfig(steps=8000, batch_size=32, learning_rate=1e-3, schedule="cosine", ema_decay=0.998),
        ),
        "base": (
            GeometricMatchingConfig(channels=(64, 128, 256, 512), regressor=(512, 256, 128, 64), strided=2),
            TrainConfig(steps=50_000, batch_size=8, learning_rate=2e-4, ema_decay=0.9995, save_every=1000),
        ),
    }[size]
    return ExperimentConfig(preset="geometric_matching", size=size, task=task, data=DATA[size], train=train)


def alias(size: Size) -> ExperimentConfig:
    """VITON-HD's third stage: the ALIAS generator, against multi-scale discriminators."""
    task, train = {
        "tiny": (
            ALIASConfig(),
            TrainConfig(steps=400, batch_size=12, learning_rate=2e-3, schedule="cosine", ema_decay=0.98),
        ),
        "small": (
            ALIASConfig(channels=(128, 128, 128, 96, 64, 32), mask_norm_blocks=4, hidden=64, discriminator_channels=48),
            TrainConfig(steps=12_000, batch_size=32, learning_rate=4e-4, ema_decay=0.998, save_every=500),
        ),
        "base": (
            ALIASConfig(
                channels=(512, 512, 512, 256, 128, 64, 32), mask_norm_blocks=5, hidden=128, discriminator_channels=64
            ),
            TrainConfig(steps=200_000, batch_size=8, learning_rate=2e-4, ema_decay=0.9995, save_every=1000),
        ),
    }[size]
    return ExperimentConfig(preset="alias", size=size, task=task, data=DATA[size], train=train)


def translation(size: Size) -> ExperimentConfig:
    """CUT and QS-Attn: people in plain tops into people in patterned ones, of which no pair is known.

    QS-Attn's global attention; ``--set task.selection.select=random task.selection.route=none`` is CUT.
    """
    task, train = {
        "tiny": (
            TranslationConfig(identity=0.0, change=3.0, cached_examples=1024),
            TrainConfig(steps=700, batch_size=4, learning_rate=1e-3, schedule="linear"),
        ),
        "small": (
            TranslationConfig(
                channels=32, blocks=9, selection=QuerySelection(), projection=256, discriminator_channels=48
            ),
            TrainConfig(steps=8000, batch_size=8, learning_rate=4e-4, schedule="linear", save_every=500),
        ),
        "base": (
            TranslationConfig(
                channels=64,
                blocks=9,
                skip=False,
                selection=QuerySelection(),
                projection=256,
                discriminator_channels=64,
                discriminator_rate=1.0,
            ),
            TrainConfig(steps=200_000, batch_size=4, learning_rate=2e-4, schedule="linear", save_every=1000),
        ),
    }[size]
    return ExperimentConfig(preset="translation", size=size, task=task, data=DATA[size], train=train)


PRESETS: dict[str, Callable[[Size], ExperimentConfig]] = {
    "stableviton": stableviton,
    "autoencoder": autoencoder,
    "matcher": matcher,
    "classifier": classifier,
    "segmentation": segmentation,
    "geometric_matching": geometric_matching,
    "alias": alias,
    "translation": translation,
    "leffa": leffa,
    "leffa_pose": leffa_pose,
}


def preset(name: str, *, size: Size = "tiny") -> ExperimentConfig:
    """The experiment ``name`` at a size.

    Raises:
        ValueError: for an unknown name or size; the message lists the known ones.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset '{name}'; known: {', '.join(PRESETS)}")
    if size not in get_args(Size):
        raise ValueError(f"unknown size '{size}'; known: {', '.join(get_args(Size))}")
    return PRESETS[name](size)


def open_source(config: DataConfig, *, preset: str = "", workers: int = 0) -> TryOnSource:
    """The folder ``config.root``, or the procedural world where that is empty; ``preset`` is what it is to
    train, or "evaluate PRESET".

    The world is rendered on the GPU if there is one, but by ``workers`` on the processor: a process that is forked
    cannot use the GPU.

    Raises:
        FolderError: where the folder is at fault, or lacks what the preset needs.
    """
    if config.root:
        return Folder(Path(config.root), config, preset=preset)
    world = PoseTransfer if config.reference == "person" else World
    return world(config, device="cuda" if torch.cuda.is_available() and not workers else "cpu")


def new_task(config: TaskConfig, data: DataConfig) -> Task:
    """The untrained task of a task config; ``data`` is for tasks that ask the world for labels."""
    match config:
        case StableVITONConfig():
            return StableVITONTask(config)
        case AutoencoderConfig():
            return AutoencoderTask(config)
        case MatcherConfig():
            return MatcherTask(config)
        case ClassifierConfig():
            return ClassifierTask(config, data)
        case SegmentationConfig():
            return SegmentationTask(config)
        case GeometricMatchingConfig():
            return GeometricMatchingTask(config, data)
        case ALIASConfig():
            return ALIASTask(config)
        case TranslationConfig():
            return TranslationTask(config)
        case LeffaConfig():
            return LeffaTask(config)


def build(config: ExperimentConfig) -> tuple[Task, TryOnSource]:
    """The untrained task (its weights drawn from ``config.train.seed`` by the caller) and its data."""
    source = open_source(config.data, preset=config.preset, workers=config.train.workers)
    return new_task(config.task, config.data), source


def read_config(path: Path) -> ExperimentConfig:
    """The config that a run stored.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is not such a config, naming the file and the key.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected the settings of a run. Name a run folder")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        texts = {key: json.dumps(values[key]) for key in ("task", "data", "train")}
        name, size = str(values["preset"]), values["size"]
    except (KeyError, TypeError, RecursionError, UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{path}: not the config of a run ('preset', 'size', 'task', 'data', 'train')") from None
    try:
        default = preset(name, size=size)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    parts = {key: from_json(type(getattr(default, key)), text, where=f"{path}: {key}") for key, text in texts.items()}
    return dataclasses.replace(default, **parts)


__all__ = ["PRESETS", "ExperimentConfig", "build", "new_task", "open_source", "preset", "read_config", "to_json"]
