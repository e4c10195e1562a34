"""The segmentation of the person in the new garment, painted before anything else is: VITON-HD's first stage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.shares import drawn


class Dropout(nn.Module):
    """In training each number is zero with a probability, and the others are larger, so that the mean stays.

    Unlike torch's, its mask is drawn for the whole batch: a row loses the same numbers whichever process computes it.

    Source: Srivastava et al. (2014), as torch scales it. Book: sec-trainer.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """``x`` itself in evaluation mode."""
        if not self.training or self.probability == 0:
            return x
        uniform = drawn(lambda rows: torch.rand(rows, *x.shape[1:], device=x.device), len(x))
        larger = 1 / (1 - self.probability) if self.probability < 1 else 0.0
        return torch.where(uniform >= self.probability, x * larger, 0)


def _convolution(in_channels: int, out_channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.InstanceNorm2d(out_channels), nn.ReLU()]


class SegmentationGenerator(ModelMixin, ConfigMixin):
    """A U-Net that tells the label of each pixel of a person who wears the new garment.

    Its input is all that is known: in VITON-HD garment mask (1), garment (3), segmentation without the garment (13),
    pose (3), and one channel of noise.

    Args:
        in_channels: channels of the input.
        labels: number of labels.
        channels: width of each level; every level but the first halves the size.
        dropout: probability with which the two deepest levels drop a number in training.

    Source: VITON-HD, whose released code ends in a sigmoid for each label; the largest logit is the same label.
    Book: sec-alias-generator.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 21,
        labels: int = 13,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (len(channels) - 1)
        self.down = nn.ModuleList(
            nn.Sequential(*_convolution(before, after), *_convolution(after, after))
            for before, after in pairwise((in_channels, *channels))
        )
        self.up, self.join = nn.ModuleList(), nn.ModuleList()
        for below, here in pairwise(reversed(channels)):
            self.up.append(nn.Sequential(nn.Upsample(scale_factor=2), *_convolution(below, here)))
            self.join.append(nn.Sequential(*_convolution(2 * here, here), *_convolution(here, here)))
        self.to_logits = nn.Conv2d(channels[0], labels, 3, padding=1)
        self.halve, self.drop = nn.MaxPool2d(2), Dropout(dropout)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b labels h w"]:
        """The logits of each label.

        Raises:
            ValueError: where a side is not a multiple of 2 ** (levels - 1), or the deepest level would have one pixel,
                which instance normalization cannot standardize.
        """
        height, width = x.shape[-2:]
        if height % self.multiple or width % self.multiple or height * width <= self.multiple**2:
            raise ValueError(
                f"images are {height}x{width}: expected multiples of {self.multiple}, and more than one of them"
            )
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(self.halve(x) if level else x)
            x = self.drop(x) if level >= len(self.down) - 2 else x
            skips.append(x)
        x = skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat((skips.pop(), up(x)), dim=1))
        return self.to_logits(x)
