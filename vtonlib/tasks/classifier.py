"""Training the classifier whose features serve FID and KID; its labels are the world's own parameters.

``python -m vtonlib train classifier`` trains it anew. Book: sec-evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.scene import DRESS, LOWER, Garment, sample_scenes
from vtonlib.data.source import Split
from vtonlib.data.textures import TEXTURES
from vtonlib.models.classifier import WorldClassifier, save_classifier
from vtonlib.settings import Count, Settings
from vtonlib.tasks.base import Phase, Task

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "kind": ("top", "skirt", "trousers", "dress"),
    "sleeves": ("none", "short", "elbow", "long"),
    "texture": tuple(TEXTURES),
}
"""What the classifier tells of the garment that a person wears, and the classes of each."""
SLEEVE_ENDS = (0.0, 0.7, 1.4)
"""Where one class of sleeves ends and the next begins, in the scene's unit (1 elbow, 2 wrist; negative: none)."""


def garment_labels(garment: Garment) -> dict[str, Int[Tensor, " b"]]:
    """The class of each garment in each of :data:`ATTRIBUTES`."""
    kind = torch.where(garment.category == LOWER, 1 + garment.trousers.long(), 0)
    return {
        "kind": torch.where(garment.category == DRESS, 3, kind),
        "sleeves": torch.bucketize(garment.sleeve, torch.tensor(SLEEVE_ENDS, device=garment.sleeve.device)),
        "texture": garment.texture.long(),
    }


def world_labels(index: Int[Tensor, " b"], data: DataConfig, split: Split) -> dict[str, Int[Tensor, " b"]]:
    """The labels of the world's paired examples.

    Raises:
        ValueError: if ``data`` is a folder of images: nobody labelled those.
    """
    if data.root:
        raise ValueError(f"data.root={data.root}: the classifier needs the world's labels; leave data.root empty")
    return garment_labels(sample_scenes(index, data, split=split).garment)


@torch.no_grad()
def accuracy(
    classifier: WorldClassifier, images: Float[Tensor, "b 3 h w"], labels: dict[str, Int[Tensor, " b"]]
) -> dict[str, float]:
    """The share of right answers in each attribute."""
    return {
        name: (logits.argmax(1) == labels[name]).double().mean().item() for name, logits in classifier(images).items()
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig(Settings):
    """Shape of the classifier."""

    channels: tuple[Count, ...] = (16, 32, 64)
    """Channels by level; each halves the size."""
    width: Count = 64
    """Length of the feature vector."""


class ClassifierTask(Task):
    """One phase, ``classifier``: cross-entropy of every attribute, seen on the paired person images of the world."""

    averaged = ("classifier",)

    def __init__(self, config: ClassifierConfig, data: DataConfig) -> None:
        super().__init__()
        self.data = data
        self.classifier = WorldClassifier(ATTRIBUTES, channels=config.channels, width=config.width)
        self.phases = (Phase(name="classifier", trains=("classifier",), loss=self.loss),)

    def loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """Cross-entropy of each attribute, in nats."""
        labels = world_labels(batch.index, self.data, "train")
        return {name: F.cross_entropy(logits, labels[name]) for name, logits in self.classifier(batch.person).items()}

    def save(self, folder: Path) -> None:
        """Write ``classifier.safetensors``, which :func:`~vtonlib.models.classifier.load_classifier` reads."""
        save_classifier(self.classifier, folder / "classifier.safetensors")
