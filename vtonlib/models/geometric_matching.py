"""Geometric matching: where should each part of the garment go? Answered by a thin-plate spline of few numbers.

Features of both pictures are compared, each place with each; a network reads the comparison and moves a lattice of
control points. Attention compares in the same way, and then needs no spline.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.thin_plate import lattice_flow


def correlation(a: Float[Tensor, "b c h w"], b: Float[Tensor, "b c i j"]) -> Float[Tensor, "b w*h i j"]:
    """The scalar product of every place of ``a`` with every place of ``b``.

    The places of ``a`` are the channels, column by column (x is the slower index), as in the released weights.

    Source: Rocco et al. 2017, Eq. 1; VITON-HD. Equation: eq-correlation. Book: sec-warping.
    """
    return torch.einsum("bchw, bcij -> bwhij", a, b).flatten(1, 2)


def _features(in_channels: int, channels: Sequence[int]) -> nn.Sequential:
    """A halving convolution for each entry of ``channels``, then two that keep the size; ReLU before the norm."""
    layers: list[nn.Module] = []
    for before, after in pairwise((in_channels, *channels)):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU(), nn.BatchNorm2d(after)]
    last = channels[-1]
    layers += [nn.Conv2d(last, last, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(last)]
    return nn.Sequential(*layers, nn.Conv2d(last, last, 3, padding=1), nn.ReLU())


class Regression(nn.Module):
    """Numbers in (-1, 1) from a correlation map: convolutions, of which the first ``strided`` halve, then one layer.

    The last layer starts at zero, so that a new matcher's flow is the identity (VITON-HD's starts at random).
    """

    def __init__(self, size: tuple[int, int], channels: Sequence[int], *, strided: int, outputs: int) -> None:
        super().__init__()
        height, width = size
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise((height * width, *channels))):
            kernel, stride = (4, 2) if number < strided else (3, 1)
            layers += [nn.Conv2d(before, after, kernel, stride, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.conv = nn.Sequential(*layers)
        self.linear = nn.Linear(channels[-1] * (height >> strided) * (width >> strided), outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b outputs"]:
        return self.linear(self.conv(x).flatten(1)).tanh()


class GeometricMatcher(ModelMixin, ConfigMixin):
    """VITON-HD's geometric matching: person and garment in, a flow out that bends the garment onto the person.

    The regression has a weight for each pair of places, so a matcher serves one image size; its flow can be asked for
    on any lattice.

    Args:
        person_channels: channels of what is known of the person.
        garment_channels: channels of the garment.
        size: (height, width) of the images, multiples of 2 ** (len(channels) + strided).
        channels: widths of the features; each halves the size.
        regressor: widths of the convolutions that read the correlation.
        strided: how many of these halve the size.
        control: (rows, columns) of the spline's control points.

    Raises:
        ValueError: where ``size`` is not legal, or ``strided`` exceeds the convolutions.

    Source: CP-VTON, VITON-HD; the released weights' own conventions are in ``vtonlib.official``. Book: sec-warping.
    """

    @register_to_config
    def __init__(
        self,
        person_channels: int = 7,
        garment_channels: int = 3,
        *,
        size: tuple[int, int] = (256, 192),
        channels: Sequence[int] = (64, 128, 256, 512),
        regressor: Sequence[int] = (512, 256, 128, 64),
        strided: int = 2,
        control: tuple[int, int] = (5, 5),
    ) -> None:
        super().__init__()
        if not 0 <= strided <= len(regressor):
            raise ValueError(f"strided is {strided}: expected 0 to {len(regressor)}, the convolutions of regressor")
        multiple = 2 ** (len(channels) + strided)
        if min(size) < 1 or any(side % multiple for side in size):
            raise ValueError(f"size is {size[0]}x{size[1]}: expected multiples of {multiple}")
        self.size, self.control = tuple(size), tuple(control)
        self.person_features = _features(person_channels, channels)
        self.garment_features = _features(garment_channels, channels)
        grid = size[0] >> len(channels), size[1] >> len(channels)
        self.regression = Regression(grid, regressor, strided=strided, outputs=2 * control[0] * control[1])

    def offsets(
        self, person: Float[Tensor, "b p h w"], garment: Float[Tensor, "b g h w"]
    ) -> Float[Tensor, "b rows columns 2"]:
        """How far (x, y) each control point moves, in (-1, 1).

        Raises:
            ValueError: where the images do not have the size that the matcher was built for.
        """
        for name, image in (("person", person), ("garment", garment)):
            if image.shape[-2:] != self.size:
                found, expected = ("x".join(map(str, size)) for size in (image.shape[-2:], self.size))
                raise ValueError(f"{name} is {found}: this matcher was built for {expected}")
        pair = self.person_features(person), self.garment_features(garment)
        theta = self.regression(correlation(*(F.normalize(features, dim=1) for features in pair)))
        # the released order: all x, then all y, each column by column
        return theta.unflatten(1, (2, self.control[1], self.control[0])).permute(0, 3, 2, 1)

    def flow(self, offsets: Float[Tensor, "b rows columns 2"], height: int, width: int) -> Float[Tensor, "b h w 2"]:
        """The flow of a moved lattice."""
        return lattice_flow(offsets, height, width)

    def forward(
        self,
        person: Float[Tensor, "b p h w"],
        garment: Float[Tensor, "b g h w"],
        *,
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b H W 2"]:
        """The flow for :func:`vtonlib.grids.warp`, at the images' size or at another ``size``."""
        return self.flow(self.offsets(person, garment), *(size or self.size))
