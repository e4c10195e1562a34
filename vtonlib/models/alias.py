"""VITON-HD's try-on generator: ALIAS residual blocks, and the inputs again at every size."""

from __future__ import annotations

from functools import partial
from typing import Literal, Self

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.grids import resize_nearest
from vtonlib.models.initialization import init_xavier
from vtonlib.models.normalization import ALIASNorm, find_patterns
from vtonlib.models.spade import SLOPE, ModulatedResBlock


def split_parse(
    parse: Float[Tensor, "b k h w"], misalign_mask: Float[Tensor, "b 1 h w"], garment_channel: int
) -> Float[Tensor, "b k+1 h w"]:
    """The parse map with the misaligned part of the garment as a label of its own, the last channel.

    Raises:
        ValueError: where ``garment_channel`` is not a channel of ``parse``.

    Source: VITON-HD, S_div. Book: sec-alias-generator.
    """
    if not 0 <= garment_channel < parse.shape[1]:
        raise ValueError(f"garment_channel is {garment_channel}: the parse map has channels 0 to {parse.shape[1] - 1}")
    divided = torch.cat((parse, misalign_mask), dim=1)
    divided[:, garment_channel] -= misalign_mask[:, 0]
    return divided


class ALIASResBlock(ModulatedResBlock):
    """SPADE's residual block with ALIAS normalization.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        label_channels: channels of the label map that this block gets.
        norm: see :class:`ALIASNorm`.
        hidden: width of the modulations' hidden layer.
        spectral: whether the convolutions are spectrally normalized.

    Source: VITON-HD, section 3.4. Book: sec-alias-generator.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        label_channels: int,
        *,
        norm: Literal["mask", "instance", "batch"] = "mask",
        hidden: int = 128,
        spectral: bool = True,
    ) -> None:
        make = partial(ALIASNorm, label_channels=label_channels, norm=norm, hidden=hidden)
        super().__init__(in_channels, out_channels, make, spectral=spectral)

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        labels: Float[Tensor, "b k H W"],
        misalign_mask: Float[Tensor, "b 1 H W"] | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b d h w"]:
        """The block's output; labels and mask are resized to x, nearest. Noise is drawn for the shortcut first."""
        labels = resize_nearest(labels, *x.shape[-2:])
        mask = None if misalign_mask is None else resize_nearest(misalign_mask, *x.shape[-2:])
        patterns = find_patterns(labels)
        return self.combine(x, lambda norm, features: norm(features, labels, mask, patterns, generator=generator))


class ALIASGenerator(ModelMixin, ConfigMixin):
    """The try-on image from agnostic person, pose and warped garment, told where the warp went wrong.

    The coarse blocks standardize the misaligned region apart and get the divided parse map; the fine ones know no
    mask. Every block after the first gets twice the size, and the inputs at that size.

    Args:
        in_channels: channels of the inputs together: agnostic image, pose and warped garment in VITON-HD.
        label_channels: channels of the parse map; the divided map has one more.
        channels: channels that each block puts out, coarsest first.
        mask_norm_blocks: how many blocks, from the coarsest, get the divided parse map and ``coarse_norm``.
        coarse_norm: their normalization; VITON-HD's figure 8 puts instance normalization in place of the mask's.
        norm: normalization of the other blocks.
        input_channels: channels of the inputs' features at each size after the first.
        hidden: width of the modulations' hidden layer.
        spectral: whether the blocks' convolutions are spectrally normalized.

    Raises:
        ValueError: where ``mask_norm_blocks`` is more than there are blocks.

    Source: VITON-HD, section 3.4 and its released code, whose ``normal`` ladder cannot run and whose ``more`` computes
    features it never uses. Book: sec-alias-generator.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 9,
        label_channels: int = 7,
        channels: tuple[int, ...] = (1024, 1024, 1024, 512, 256, 128, 64, 32),
        *,
        mask_norm_blocks: int = 5,
        coarse_norm: Literal["mask", "instance", "batch"] = "mask",
        norm: Literal["instance", "batch"] = "instance",
        input_channels: int = 16,
        hidden: int = 128,
        spectral: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= mask_norm_blocks <= len(channels):
            raise ValueError(f"mask_norm_blocks is {mask_norm_blocks}, of {len(channels)} blocks")
        self.mask_norm_blocks, self.coarse_norm = mask_norm_blocks, coarse_norm
        self.inputs = nn.ModuleList(
            nn.Conv2d(in_channels, input_channels if level else channels[0], 3, padding=1)
            for level in range(len(channels))
        )
        self.blocks = nn.ModuleList()
        for level, width in enumerate(channels):
            before = channels[level - 1] + input_channels if level else channels[0]
            masked = level < mask_norm_blocks
            block = ALIASResBlock(
                before,
                width,
                label_channels + masked,
                norm=coarse_norm if masked else norm,
                hidden=hidden,
                spectral=spectral,
            )
            self.blocks.append(block)
        self.conv_img = nn.Conv2d(channels[-1], 3, 3, padding=1)
        init_xavier(self)

    @classmethod
    def most(cls, ngf: int = 64) -> Self:
        """VITON-HD's default, for multiples of 128: 7 doublings, 100.5 million parameters at ``ngf`` 64."""
        return cls(channels=(*(ngf * width for width in (16, 16, 16, 8, 4, 2, 1)), ngf // 2))

    @classmethod
    def more(cls, ngf: int = 64) -> Self:
        """VITON-HD's shorter ladder, for multiples of 64."""
        return cls(channels=tuple(ngf * width for width in (16, 16, 16, 8, 4, 2, 1)))

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the smallest map.

        Raises:
            ValueError: for sizes that are not multiples of 2^doublings, and for a smallest map of one pixel, which
                normalization would wipe out.
        """
        multiple = 2 ** (len(self.blocks) - 1)
        if height % multiple or width % multiple or height * width < 2 * multiple**2:
            raise ValueError(
                f"images are {height}x{width}: both sides must be multiples of {multiple}, and the smallest legal "
                f"sizes are {2 * multiple}x{multiple} and {multiple}x{2 * multiple}"
            )
        return height // multiple, width // multiple

    def forward(
        self,
        inputs: Float[Tensor, "b c h w"],
        parse: Float[Tensor, "b k h w"],
        parse_div: Float[Tensor, "b k+1 h w"],
        misalign_mask: Float[Tensor, "b 1 h w"],
        *,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """The try-on image, in [-1, 1]; ``parse_div`` as :func:`split_parse` makes it.

        Raises:
            ValueError: for an illegal size (the error names the legal multiples), and for maps whose size is not that
                of ``inputs`` or whose channels are not those announced.
        """
        height, width = self.latent_size(*inputs.shape[-2:])
        for name, given in (("parse", parse), ("parse_div", parse_div), ("misalign_mask", misalign_mask)):
            if given.shape[-2:] != inputs.shape[-2:]:
                raise ValueError(f"{name} is {tuple(given.shape)}: expected the size of inputs, {tuple(inputs.shape)}")
        x = self.inputs[0](resize_nearest(inputs, height, width))
        for level, block in enumerate(self.blocks):
            if level > 0:
                features = self.inputs[level](resize_nearest(inputs, height << level, width << level))
                x = torch.cat((resize_nearest(x, height << level, width << level), features), dim=1)
            masked = level < self.mask_norm_blocks
            mask = misalign_mask if masked and self.coarse_norm == "mask" else None
            x = block(x, parse_div if masked else parse, mask, generator=generator)
        return torch.tanh(self.conv_img(F.leaky_relu(x, SLOPE)))
