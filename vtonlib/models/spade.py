"""SPADE's generator: a ladder of residual blocks, each told by the label map what belongs at every pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.grids import resize_nearest
from vtonlib.models.initialization import init_xavier
from vtonlib.models.normalization import SPADE, find_patterns, spectral_norm
from vtonlib.models.normalization.spade import ParamFreeNorm

Upsampling = Literal["normal", "more", "most"]
SLOPE = 0.2  # of every leaky ReLU
_WIDTHS = (16, 16, 16, 8, 4, 2, 1)


class ModulatedResBlock(nn.Module):
    """x -> shortcut(x) + conv(lrelu(norm(conv(lrelu(norm(x)))))), for norms that take more than x.

    The shortcut is x itself, or conv(norm(x)) without activation where the channels change.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        norm: makes the norm for a number of channels.
        spectral: whether the convolutions are spectrally normalized.
    """

    def __init__(
        self, in_channels: int, out_channels: int, norm: Callable[[int], nn.Module], *, spectral: bool = True
    ) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        wrap: Callable[[nn.Conv2d], nn.Conv2d] = spectral_norm if spectral else lambda conv: conv
        self.learned_shortcut = in_channels != out_channels
        self.norm_0, self.norm_1 = norm(in_channels), norm(middle)
        self.conv_0 = wrap(nn.Conv2d(in_channels, middle, 3, padding=1))
        self.conv_1 = wrap(nn.Conv2d(middle, out_channels, 3, padding=1))
        if self.learned_shortcut:
            self.norm_s, self.conv_s = norm(in_channels), wrap(nn.Conv2d(in_channels, out_channels, 1, bias=False))

    def combine(
        self, x: Float[Tensor, "b c h w"], apply: Callable[[nn.Module, Tensor], Tensor]
    ) -> Float[Tensor, "b d h w"]:
        """The block's output, where ``apply(norm, x)`` calls a norm with what else it takes; shortcut first."""
        shortcut = self.conv_s(apply(self.norm_s, x)) if self.learned_shortcut else x
        hidden = self.conv_0(F.leaky_relu(apply(self.norm_0, x), SLOPE, inplace=True))
        return shortcut + self.conv_1(F.leaky_relu(apply(self.norm_1, hidden), SLOPE, inplace=True))


class SPADEResBlock(ModulatedResBlock):
    """The residual block of SPADE's generator.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        label_channels: channels of the label map.
        norm: see :class:`SPADE`.
        hidden: width of the modulations' hidden layer.
        kernel_size: side of the modulations' kernels, an odd number.
        spectral: whether the convolutions are spectrally normalized.

    Source: SPADE, figure 4 and appendix A. Book: sec-conditional-normalization.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        label_channels: int,
        *,
        norm: ParamFreeNorm = "instance",
        hidden: int = 128,
        kernel_size: int = 3,
        spectral: bool = True,
    ) -> None:
        make = partial(SPADE, label_channels=label_channels, norm=norm, hidden=hidden, kernel_size=kernel_size)
        super().__init__(in_channels, out_channels, make, spectral=spectral)
        self.kernel_size = kernel_size

    def forward(self, x: Float[Tensor, "b c h w"], labels: Float[Tensor, "b k H W"]) -> Float[Tensor, "b d h w"]:
        """The block's output; the label map is resized to x, nearest."""
        labels = resize_nearest(labels, *x.shape[-2:])
        patterns = find_patterns(labels) if self.kernel_size == 3 else None
        return self.combine(x, lambda norm, features: norm(features, labels, patterns))


class SPADELadder(nn.Module):
    """Residual blocks from the smallest map to the image, each told the label map at its own size.

    Args:
        label_channels: channels of the label map.
        widths: channels that each block puts out, coarsest first; the first block takes in as many as it puts out.
        flat: the blocks that do not double their input's size, besides the first, which never does.
        norm: see :class:`SPADE`.
        hidden: width of the modulations' hidden layer.
        kernel_size: side of the modulations' kernels, an odd number.
        spectral: whether the blocks' convolutions are spectrally normalized.

    Source: SPADE, appendix A. Book: sec-conditional-normalization.
    """

    def __init__(
        self,
        label_channels: int,
        widths: Sequence[int],
        *,
        flat: Sequence[int] = (),
        norm: ParamFreeNorm = "instance",
        hidden: int = 128,
        kernel_size: int = 3,
        spectral: bool = True,
    ) -> None:
        super().__init__()
        self.flat = (0, *flat)
        options: dict[str, Any] = {"norm": norm, "hidden": hidden, "kernel_size": kernel_size, "spectral": spectral}
        self.blocks = nn.ModuleList(
            SPADEResBlock(before, after, label_channels, **options)
            for before, after in zip([widths[0], *widths], widths, strict=False)
        )
        self.conv_img = nn.Conv2d(widths[-1], 3, 3, padding=1)

    @property
    def doublings(self) -> int:
        """How often a map doubles on its way to the image."""
        return len(self.blocks) - len(self.flat)

    def climb(self, x: Float[Tensor, "b c h w"], labels: Float[Tensor, "b k H W"]) -> Float[Tensor, "b 3 H W"]:
        """The image, in [-1, 1], from the smallest map."""
        for number, block in enumerate(self.blocks):
            if number not in self.flat:
                x = resize_nearest(x, 2 * x.shape[2], 2 * x.shape[3])
            x = block(x, labels)
        return torch.tanh(self.conv_img(F.leaky_relu(x, SLOPE)))


class SPADEGenerator(SPADELadder):
    """An image from a label map, without any other input.

    Args:
        label_channels: channels of the label map.
        channels: width of the finest blocks; the coarsest are 16 times as wide.
        upsampling: doublings from the smallest map to the image: 5 for ``normal``, 6 for ``more``, 7 for ``most``.
        norm: see :class:`SPADE`.
        hidden: width of the modulations' hidden layer.
        kernel_size: side of the modulations' kernels, an odd number.
        spectral: whether the blocks' convolutions are spectrally normalized.

    Raises:
        ValueError: where ``upsampling`` is none of the three, or ``channels`` is odd and ``most`` would halve it.

    Source: SPADE, appendix A. It starts from the label map, as the released weights do; from noise or the style of
    another image starts :class:`vtonlib.models.style.StyledSPADEGenerator`. Book: sec-conditional-normalization.
    """

    def __init__(
        self,
        label_channels: int,
        channels: int = 64,
        *,
        upsampling: Upsampling = "normal",
        norm: ParamFreeNorm = "instance",
        hidden: int = 128,
        kernel_size: int = 3,
        spectral: bool = True,
    ) -> None:
        if upsampling not in ("normal", "more", "most"):
            raise ValueError(f"upsampling is {upsampling!r}: expected normal, more or most")
        widths = [channels * width for width in _WIDTHS]
        if upsampling == "most":
            if channels % 2:
                raise ValueError(f"channels is {channels}: upsampling 'most' halves it, so it must be even")
            widths.append(channels // 2)
        flat = (2,) if upsampling == "normal" else ()
        options: dict[str, Any] = {"norm": norm, "hidden": hidden, "kernel_size": kernel_size, "spectral": spectral}
        super().__init__(label_channels, widths, flat=flat, **options)
        self.fc = nn.Conv2d(label_channels, widths[0], 3, padding=1)
        init_xavier(self)

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the smallest map for a label map of this size: w = W // 2^n, h = round(w H / W).

        Raises:
            ValueError: where that is less than two pixels.
        """
        small = width // 2**self.doublings
        latent = round(small / (width / height)), small
        if latent[0] * latent[1] < 2:
            raise ValueError(
                f"labels are {height}x{width}: the smallest map would be {latent[0]}x{latent[1]}, and normalization "
                f"needs two pixels; expected multiples of {2**self.doublings}, not both of them {2**self.doublings}"
            )
        return latent

    def forward(self, labels: Float[Tensor, "b k h w"]) -> Float[Tensor, "b 3 H W"]:
        """The image, in [-1, 1]: 2^n times :meth:`latent_size`, the labels' own size where both are multiples of 2^n.

        Raises:
            ValueError: for a label map of wrong channels, not of floats or too small.
        """
        return self.climb(self.fc(resize_nearest(labels, *self.latent_size(*labels.shape[-2:]))), labels)
