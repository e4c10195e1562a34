"""SPADE's other start: the smallest map is made from a style, a vector drawn at random or read off another image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.models.initialization import init_xavier
from vtonlib.models.normalization import spectral_norm
from vtonlib.models.normalization.spade import ParamFreeNorm
from vtonlib.models.spade import SLOPE, SPADELadder


class StyleDistribution(NamedTuple):
    """What an encoder says of an image: not one style but a normal distribution of styles, each number by itself."""

    mean: Float[Tensor, "b z"]
    """The style that fits the image best: what is used where nothing is drawn."""
    log_variance: Float[Tensor, "b z"]
    """Logarithm of the variance of each number."""

    def draw(self, generator: torch.Generator | None = None) -> Float[Tensor, "b z"]:
        """One style of each, mean + deviation * noise, so that gradients reach both.

        The noise is drawn where ``generator`` lives, so that a seed means the same everywhere.

        Source: Kingma & Welling 2014, section 2.4. Equation: eq-style-draw. Book: sec-conditional-normalization.
        """
        device = generator.device if generator is not None else self.mean.device
        noise = torch.randn(self.mean.shape, generator=generator, device=device, dtype=self.mean.dtype)
        return self.mean + (self.log_variance / 2).exp() * noise.to(self.mean.device)


class StyleEncoder(nn.Module):
    """Convolutions that each halve an image, then two linear layers: the mean and the log variance of its style.

    Args:
        size: height and width of the images.
        style_channels: numbers in a style.
        widths: channels of the convolutions.
        instance_norm: whether instance norm follows each convolution, as in the released code. Without it the
            encoder also sees what instance norm deletes.
        spectral: whether the convolutions are spectrally normalized and have no bias, as in the released weights.

    Raises:
        ValueError: where the last map would be a single pixel, which instance norm would wipe out.

    Source: SPADE, appendix A: six convolutions, 64 to 512 channels, of images of 256x256, and 256 numbers.
    Book: sec-conditional-normalization.
    """

    def __init__(
        self,
        size: tuple[int, int] = (256, 256),
        style_channels: int = 256,
        widths: Sequence[int] = (64, 128, 256, 512, 512, 512),
        *,
        instance_norm: bool = True,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.size = size
        height, width = (-(-side // 2 ** len(widths)) for side in size)
        if height * width < 2:
            raise ValueError(f"images are {size[0]}x{size[1]}: {len(widths)} halvings leave a map of one pixel")
        self.layers = nn.Sequential()
        for before, after in pairwise((3, *widths)):
            conv = nn.Conv2d(before, after, 3, 2, 1, bias=not spectral)
            self.layers.append(spectral_norm(conv) if spectral else conv)
            if instance_norm:
                self.layers.append(nn.InstanceNorm2d(after))
            self.layers.append(nn.LeakyReLU(SLOPE))
        self.mean, self.log_variance = (nn.Linear(widths[-1] * height * width, style_channels) for _ in range(2))
        init_xavier(self)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> StyleDistribution:
        """The distribution of each image's style.

        Raises:
            ValueError: for images of another size.
        """
        if image.shape[1:] != (3, *self.size):
            raise ValueError(f"images are {tuple(image.shape)}: expected 3 channels of {self.size[0]}x{self.size[1]}")
        seen = self.layers(image).flatten(1)
        return StyleDistribution(self.mean(seen), self.log_variance(seen))


class StyledSPADEGenerator(SPADELadder):
    """An image from a label map and a style: the label map says what is where, the style what it looks like.

    A linear layer turns the style into the smallest map, so the images' size is fixed; the label map enters by way of
    the norms alone.

    Args:
        label_channels: channels of the label map.
        size: height and width of the images.
        style_channels: numbers in a style.
        widths: channels that each block puts out, coarsest first; each after the first doubles the size.
        flat: the blocks that do not double their input's size, besides the first, which never does.
        norm: see :class:`SPADE`.
        hidden: width of the modulations' hidden layer.
        kernel_size: side of the modulations' kernels, an odd number.
        spectral: whether the blocks' convolutions are spectrally normalized.

    Raises:
        ValueError: where the size does not divide by the doublings, or the smallest map would be a single pixel.

    Source: SPADE, appendix A. Book: sec-conditional-normalization.
    """

    def __init__(
        self,
        label_channels: int,
        size: tuple[int, int],
        style_channels: int = 256,
        widths: Sequence[int] = (1024, 1024, 1024, 512, 256, 128, 64),
        *,
        flat: Sequence[int] = (),
        norm: ParamFreeNorm = "instance",
        hidden: int = 128,
        kernel_size: int = 3,
        spectral: bool = True,
    ) -> None:
        options: dict[str, Any] = {"norm": norm, "hidden": hidden, "kernel_size": kernel_size, "spectral": spectral}
        super().__init__(label_channels, widths, flat=flat, **options)
        multiple = 2**self.doublings
        self.size, self.smallest = size, (size[0] // multiple, size[1] // multiple)
        if size[0] % multiple or size[1] % multiple or self.smallest[0] * self.smallest[1] < 2:
            raise ValueError(
                f"images are {size[0]}x{size[1]}: both sides must be multiples of {multiple}, and one of them more"
            )
        self.fc = nn.Linear(style_channels, widths[0] * self.smallest[0] * self.smallest[1])
        init_xavier(self)

    def forward(self, labels: Float[Tensor, "b k h w"], style: Float[Tensor, "b z"]) -> Float[Tensor, "b 3 h w"]:
        """The image, in [-1, 1]. A style drawn from a standard normal gives a random one.

        Raises:
            ValueError: for a label map of another size or other channels, and for a style of another length.
        """
        if labels.shape[-2:] != self.size:
            raise ValueError(f"labels are {tuple(labels.shape)}: expected {self.size[0]}x{self.size[1]}")
        if style.shape != (len(labels), self.fc.in_features):
            raise ValueError(f"style is {tuple(style.shape)}: expected {(len(labels), self.fc.in_features)}")
        return self.climb(self.fc(style).unflatten(1, (-1, *self.smallest)), labels)
