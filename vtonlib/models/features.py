"""Frozen features for the perceptual loss: VGG-19's where the reader has its weights, else those of our own world.

Nothing is downloaded. Which network it was is its ``name``, part of every number that rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vtonlib.models.classifier import WorldClassifier, load_classifier

CONVOLUTIONS = (2, 2, 4, 4, 4)
"""VGG-19's convolutions between two max-poolings."""
FIRST_CONVOLUTIONS = (0, 5, 10, 19, 28)
"""Their first ones, as torchvision numbers the layers."""
LAYERS = FIRST_CONVOLUTIONS[-1] + 2
"""Layers up to relu5_1, the last that is read."""


class VGG19Features(nn.Module):
    """relu1_1, 2_1, 3_1, 4_1 and 5_1 of VGG-19, under torchvision's layer numbers.

    Images go in as they are, in [-1, 1]: SPADE and VITON-HD do not apply ImageNet's mean and deviation either.

    Args:
        channels: widths between the max-poolings; VGG-19's unless told.

    Source: Simonyan and Zisserman 2015, configuration E. Book: sec-alias-generator.
    """

    name = "vgg19"
    """What messages call it."""

    def __init__(self, *, channels: Sequence[int] = (64, 128, 256, 512, 512)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width, count in zip(channels, CONVOLUTIONS, strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:LAYERS])

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor]) -> Self:
        """The network with weights under torchvision's keys, ``features.0.weight`` or ``0.weight``; others are ignored.

        Raises:
            ValueError: where a weight is missing or has the wrong shape.
        """
        named = {key.removeprefix("features."): value for key, value in state.items()}
        with torch.device("meta"):
            keys = list(cls().features.state_dict())
        if missing := [f"features.{key}" for key in keys if key not in named]:
            raise ValueError(f"not the weights of VGG-19: {len(missing)} of {len(keys)} are missing: {missing[:4]}")
        new = cls(channels=[len(named[f"{i}.bias"]) for i in FIRST_CONVOLUTIONS])
        try:
            new.features.load_state_dict({key: named[key] for key in keys})
        except RuntimeError as error:
            raise ValueError(f"not the weights of VGG-19: {error}") from None
        return new.requires_grad_(False).eval()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The network with the weights of a safetensors file.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it does not hold VGG-19's weights.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; expected torchvision's VGG-19 weights as safetensors")
        try:
            return cls.from_state_dict(load_file(path))
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None

    def maps(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """The five maps [b c_i h_i w_i], each half as large as the one before.

        Raises:
            ValueError: where a side has fewer than 16 pixels.
        """
        height, width = images.shape[-2:]
        if min(height, width) < 16:
            raise ValueError(f"images are {height}x{width}: VGG-19 expects at least 16x16")
        found, x = [], images
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number - 1 in FIRST_CONVOLUTIONS:
                found.append(x)
        return found


class WorldFeatures(nn.Module):
    """The stages of the shipped classifier of our world's images, read at the images' own resolution.

    Book: sec-alias-generator.
    """

    name = WorldClassifier.name
    """What messages call it."""

    def __init__(self, classifier: WorldClassifier) -> None:
        super().__init__()
        self.stages = classifier.stages

    def maps(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """One map [b c_i h_i w_i] for each stage; every stage halves the size, rounding up."""
        found, x = [], images
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def perceptual_features(source: Path | nn.Module | None = None) -> VGG19Features | WorldFeatures:
    """The extractor of the perceptual loss, frozen.

    Args:
        source: VGG-19 as the reader has it: a safetensors file of torchvision's weights, or torchvision's module with
            its weights loaded. Without it, the features of our own world, which come with vtonlib.

    Raises:
        FileNotFoundError: if a file is not there.
        ValueError: if it holds something else.
    """
    if source is None:
        return WorldFeatures(load_classifier())
    if isinstance(source, nn.Module):
        return VGG19Features.from_state_dict(source.state_dict())
    return VGG19Features.from_file(source)
