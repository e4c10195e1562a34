"""Judges of images: does each patch look real, at several scales?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.models.initialization import init_xavier
from vtonlib.models.normalization import spectral_norm
from vtonlib.models.spade import SLOPE

PatchNorm = Literal["instance", "batch", "none"]
_NORMS: dict[str, type[nn.Module]] = {"instance": nn.InstanceNorm2d, "batch": nn.BatchNorm2d}


class PatchDiscriminator(nn.ModuleList):
    """4x4 convolutions whose outputs each judge one patch of the image; see :class:`MultiscaleDiscriminator`."""

    def __init__(
        self, in_channels: int, channels: int, layers: int, max_channels: int, norm: PatchNorm = "instance"
    ) -> None:
        widths = [min(channels * 2**layer, max_channels) for layer in range(layers)]
        super().__init__([nn.Sequential(nn.Conv2d(in_channels, widths[0], 4, 2, 2), nn.LeakyReLU(SLOPE))])
        for layer, (before, after) in enumerate(pairwise(widths), start=1):
            conv = nn.Conv2d(before, after, 4, 1 if layer == layers - 1 else 2, 2, bias=norm == "none")
            norms = [_NORMS[norm](after)] if norm in _NORMS else []
            self.append(nn.Sequential(spectral_norm(conv), *norms, nn.LeakyReLU(SLOPE)))
        self.append(nn.Conv2d(widths[-1], 1, 4, 1, 2))

    def __getitem__(self, index: Any) -> Any:
        """A layer, or several as a plain list of modules."""
        return nn.ModuleList(list(self)[index]) if isinstance(index, slice) else super().__getitem__(index)

    def forward(self, x: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """The output of every layer; the last are the logits."""
        outputs = []
        for layer in self:
            x = layer(x)
            outputs.append(x)
        return outputs


class MultiscaleDiscriminator(nn.Module):
    """Equal discriminators that look at the input in full size, at half, at a quarter ...

    Spectral norm and another norm in all layers but the first and the last.

    Args:
        in_channels: channels of label map and image together.
        channels: width of the first layer; each further one is twice as wide, up to ``max_channels``.
        layers: convolutions before the one that gives the logits; all but the last of them halve the map.
        scales: number of discriminators.
        max_channels: the greatest width.
        norm: the norm beside the spectral one: ``instance`` without parameters, ``batch`` with a scale and a shift, or
            ``none``, where convolutions have a bias.

    Raises:
        ValueError: for fewer than two layers or one scale, or another norm.

    Source: pix2pixHD, section 3.2; SPADE, appendix A. Book: sec-alias-generator.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 64,
        layers: int = 4,
        scales: int = 2,
        *,
        max_channels: int = 512,
        norm: PatchNorm = "instance",
    ) -> None:
        super().__init__()
        if norm not in (*_NORMS, "none"):
            raise ValueError(f"norm is {norm!r}: expected instance, batch or none")
        if layers < 2 or scales < 1:
            raise ValueError(f"layers is {layers} and scales is {scales}: expected at least 2 and 1")
        self.in_channels = in_channels
        self.scales = nn.ModuleList(
            PatchDiscriminator(in_channels, channels, layers, max_channels, norm) for _ in range(scales)
        )
        init_xavier(self)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1, 0.02)  # as the released code

    def forward(self, x: Float[Tensor, "b c h w"]) -> list[list[Tensor]]:
        """For each scale, full size first, the outputs of all layers; the last of each are the logits.

        Raises:
            ValueError: for other channels than announced, and for an image so small that a map is one pixel.
        """
        if x.shape[1] != self.in_channels:
            raise ValueError(f"input is {tuple(x.shape)}: expected {self.in_channels} channels")
        outputs = []
        for number, discriminator in enumerate(self.scales):
            if number > 0:
                x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            outputs.append(discriminator(x))
        return outputs
