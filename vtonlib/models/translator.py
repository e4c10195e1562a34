"""The translator of CUT and QS-Attn: a residual network whose features are tapped by name, and what projects patches.

Half of the network comes before the pictures are small enough to be compared patch by patch, so what it sees on the way
is read from the same pass that paints (:meth:`ResnetTranslator.with_features`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.models.initialization import init_xavier

TAPS = ("pixels", "down_0", "down_1", "block_0", "block_4")
"""The features that CUT compares, finest first: layers 0, 4, 8, 12 and 16 of the released code."""
LEVELS = 2
"""How often the size is halved."""
ALMOST = 0.99
"""Where a source that is added before the tanh is cut off: of 1 the inverse would be infinite."""
_IMAGE = "image"


class Translated(NamedTuple):
    """A translated image, and what the network saw on its way there."""

    image: Float[Tensor, "b out h w"]
    """The translation, in [-1, 1]."""
    features: dict[str, Float[Tensor, "b _ _ _"]]
    """The tapped features of the *source*, by name."""


class BlurDown(nn.Module):
    """Half the size without aliases: the weights 1, 2, 1 along each side, then every other pixel; edges mirrored.

    Source: Zhang 2019; CUT. Book: sec-query-selection.
    """

    kernel: Tensor
    """The weights, which are no part of a state dict."""

    def __init__(self) -> None:
        super().__init__()
        side = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(side, side), persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        kernel = self.kernel.to(x.dtype).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), kernel, stride=2, groups=x.shape[1])


class ResnetBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3x3 convolutions, edges mirrored, instance norm without parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_0, self.conv_1 = (nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect") for _ in "01")

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + F.instance_norm(self.conv_1(F.relu(F.instance_norm(self.conv_0(x)))))


class ResnetTranslator(ModelMixin, ConfigMixin):
    """An image into an image of the same size: two halvings, residual blocks, two doublings.

    Its features have names: ``pixels`` the image with its mirrored edge of 3 pixels, ``down_0`` and ``down_1`` what
    the convolutions before the two halvings give, before their norm, and ``block_0``, ``block_1``, ... the outputs of
    the residual blocks, a quarter of the image's size.

    Args:
        in_channels: channels of the source.
        out_channels: channels of the translation.
        channels: width at full size; it doubles with each halving.
        blocks: number of residual blocks.
        skip: whether what the network paints is added to the source, before the last tanh: then it starts as the
            identity, nearly, and has only to learn what must change. The released networks have no such way.

    Raises:
        ValueError: for a skip between different numbers of channels.

    Source: CUT (the ResNet generator of CycleGAN with blurs in place of strides). The released code enlarges with the
    weights 1, 3, 3, 1; between mirrored or repeated edges that is bilinear interpolation, exactly.
    Book: sec-query-selection.
    """

    taps: dict[str, int]
    """The names of all features, finest first, and their channels."""

    @register_to_config
    def __init__(
        self, in_channels: int = 3, out_channels: int = 3, *, channels: int = 64, blocks: int = 9, skip: bool = False
    ) -> None:
        super().__init__()
        if skip and in_channels != out_channels:
            raise ValueError(f"skip adds {in_channels} channels to {out_channels}: expected as many")
        widths = [channels * 2**level for level in range(LEVELS + 1)]
        self.stem = nn.Conv2d(in_channels, channels, 7)
        self.down = nn.ModuleList(nn.Conv2d(width, 2 * width, 3, padding=1) for width in widths[:-1])
        self.body = nn.ModuleList(ResnetBlock(widths[-1]) for _ in range(blocks))
        self.up = nn.ModuleList(nn.Conv2d(width, width // 2, 3, padding=1) for width in widths[:0:-1])
        self.head = nn.Conv2d(channels, out_channels, 7, padding=3, padding_mode="reflect")
        self.shrink, self.enlarge = BlurDown(), nn.Upsample(scale_factor=2, mode="bilinear")
        init_xavier(self)
        self.taps = {"pixels": in_channels, **{f"down_{level}": width for level, width in enumerate(widths[1:])}}
        self.taps |= {f"block_{number}": widths[-1] for number in range(blocks)}

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out h w"]:
        """The translation, in [-1, 1].

        Raises:
            ValueError: where a side is no multiple of 4 or below 8.
        """
        return self.with_features(x, ()).image

    def with_features(self, x: Float[Tensor, "b c h w"], taps: Collection[str] = TAPS) -> Translated:
        """The translation and the named features of ``x``, from one pass.

        Raises:
            ValueError: as :meth:`forward`, and for a name that is no feature's.
        """
        kept = self._kept(x, (*taps, _IMAGE))
        return Translated(kept.pop(_IMAGE), kept)

    def features(
        self, x: Float[Tensor, "b c h w"], taps: Collection[str] = TAPS
    ) -> dict[str, Float[Tensor, "b _ _ _"]]:
        """The named features of ``x`` alone: the network is run up to the last of them.

        Raises:
            ValueError: as :meth:`with_features`.
        """
        return self._kept(x, taps)

    def _kept(self, x: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        height, width = x.shape[-2:]
        if height % 2**LEVELS or width % 2**LEVELS or min(height, width) < 2 ** (LEVELS + 1):
            raise ValueError(f"images are {height}x{width}: expected sides that are multiples of 4, from 8 on")
        if unknown := set(names) - {*self.taps, _IMAGE}:
            raise ValueError(f"no features are called {', '.join(sorted(unknown))}; there are {', '.join(self.taps)}")
        kept: dict[str, Tensor] = {}
        walk = self._walk(x)
        while len(kept) < len(set(names)):
            name, value = next(walk)
            kept |= {name: value} if name in names else {}
        return kept

    def _walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Every feature in order, and the image; what nobody asks for further is not computed."""
        source, x = x, F.pad(x, (3, 3, 3, 3), "reflect")
        yield "pixels", x
        x = F.relu(F.instance_norm(self.stem(x)))
        for level, conv in enumerate(self.down):
            x = conv(x)
            yield f"down_{level}", x
            x = self.shrink(F.relu(F.instance_norm(x)))
        for number, block in enumerate(self.body):
            x = block(x)
            yield f"block_{number}", x
        for conv in self.up:
            x = F.relu(F.instance_norm(conv(self.enlarge(x))))
        painted = self.head(x)
        if self.config.skip:
            painted = painted + source.clamp(-ALMOST, ALMOST).atanh()
        yield _IMAGE, painted.tanh()


def unit_patches(patches: Float[Tensor, "b m c"]) -> Float[Tensor, "b m c"]:
    """Patches divided by their length (plus 1e-7, as in the released code), so that products are cosines.

    Book: sec-query-selection.
    """
    return patches / (patches.norm(dim=-1, keepdim=True) + 1e-7)


class PatchProjector(ModelMixin, ConfigMixin):
    """A small network for each tapped layer that takes its patches to unit vectors of one width.

    All weights stand from the start. The released code makes them at its first call, so its optimizer and its
    checkpoints have to wait for that.

    Args:
        in_channels: channels of each layer's patches.
        width: width of the vectors.

    Source: CUT, section 3.2 (the two-layer network H_l). Book: sec-query-selection.
    """

    @register_to_config
    def __init__(self, in_channels: Sequence[int], *, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(channels, width), nn.ReLU(), nn.Linear(width, width)) for channels in in_channels
        )
        init_xavier(self)

    def forward(self, patches: Sequence[Float[Tensor, "b m _"]]) -> list[Float[Tensor, "b m width"]]:
        """Unit vectors, for each layer those of its patches.

        Raises:
            ValueError: for another number of layers, or of channels of one, than announced.
        """
        expected = [layer[0].in_features for layer in self.layers]  # type: ignore[index]
        if (found := [part.shape[-1] for part in patches]) != expected:
            raise ValueError(f"the layers' patches have {found} channels: expected {expected}")
        return [unit_patches(layer(part)) for layer, part in zip(self.layers, patches, strict=True)]
