"""The smallest try-on model with joined attention: garment and person as one picture, two transformer blocks.

It copies colours through the attention of its last block, as :mod:`vtonlib.models.matcher` does, so that minutes show
where such attention looks, and what a loss does to it. The blocks are diffusers', of Stable Diffusion 3, with
normalized queries and keys, as later models have them.

Book: sec-joint-blocks.
"""

from __future__ import annotations

from typing import Literal

import torch
from diffusers.models.attention import JointTransformerBlock
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionRecord, AttentionTap, Grid
from vtonlib.data.batch import TryOnBatch
from vtonlib.grids import coordinate_grid
from vtonlib.models.joint_blocks import RecordingJointAttention, side_by_side

PATCH = 4
"""Rows and columns of pixels in one token."""
TEXT = 4
"""Learned tokens in the text's place."""
BANDS = 4
"""Frequencies that places are told in."""
GARMENT, PERSON = 4, 8
"""Channels: garment and its mask; agnostic, its mask, dense pose and one that is 1."""


class SideBySide(nn.Module):
    """Joined attention over the picture of a garment, to the left, and a person, to the right.

    Args:
        channels: of a token.
        heads: of each attention.
        blocks: transformer blocks.
        keys_see: ``"garment"``, or ``"place"`` for the blind twin, to which every garment is grey.
    """

    def __init__(
        self, channels: int = 64, heads: int = 2, blocks: int = 2, keys_see: Literal["garment", "place"] = "garment"
    ) -> None:
        super().__init__()
        self.blind = keys_see == "place"
        self.embed = nn.Linear((GARMENT + PERSON) * PATCH**2 + 4 * BANDS + 1, channels)
        self.text, self.time = (nn.Parameter(torch.randn(n, channels)) for n in (TEXT, 1))
        self.blocks = nn.ModuleList(
            JointTransformerBlock(
                channels, heads, channels // heads, context_pre_only=number == blocks - 1, qk_norm="rms_norm"
            )
            for number in range(blocks)
        )
        for block in self.blocks:
            block.attn.set_processor(RecordingJointAttention())  # type: ignore[union-attr,operator]

    def attend(
        self,
        garment: Float[Tensor, "b 4 h w"],
        person: Float[Tensor, "b 7 h w"],
    ) -> list[AttentionRecord]:
        """Each block's attention from person to garment, the garment's lattice last.

        Args:
            garment: its picture in [-1, 1], and its mask.
            person: agnostic picture, agnostic mask, dense pose.
        """
        shown = torch.zeros_like(garment) if self.blind else garment
        left = torch.cat((shown, person.new_zeros(len(person), PERSON, *person.shape[-2:])), dim=1)
        right = torch.cat((torch.zeros_like(garment), person, torch.ones_like(person[:, :1])), dim=1)
        grid = Grid(person.shape[-2] // PATCH, person.shape[-1] // PATCH)
        joined = torch.cat((patches(left).unflatten(1, grid), patches(right).unflatten(1, grid)), dim=2)
        places = torch.cat(tuple(_places(grid, side, person) for side in (0, 1)), dim=2).expand(len(person), -1, -1, -1)
        tokens = self.embed(torch.cat((joined, places), dim=-1).flatten(1, 2))
        text, time = self.text.expand(len(person), -1, -1), self.time.expand(len(person), -1)
        grids = (Grid(grid.height, 2 * grid.width), Grid(TEXT, 1))
        with AttentionTap(self) as tap:
            for block in self.blocks:
                text, tokens = block(tokens, text, time, joint_attention_kwargs={"grids": grids})
        return [side_by_side(record, 0) for record in tap.values()]


def patches(picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n d"]:
    """The picture's patches as tokens, row by row."""
    return nn.functional.pixel_unshuffle(picture, PATCH).flatten(2).mT


def _places(grid: Grid, side: int, like: Tensor) -> Float[Tensor, "1 h w e"]:
    """Sines and cosines of each token's place within its half, and which half it is."""
    places = coordinate_grid(*grid, device=like.device)[None, ..., None]
    waves = (places * torch.pi * 2.0 ** torch.arange(-1, BANDS - 1, device=like.device)).flatten(3)
    return torch.cat((waves.sin(), waves.cos(), torch.full_like(waves[..., :1], side)), dim=-1)


def pictures_of(batch: TryOnBatch) -> tuple[Float[Tensor, "b 4 h w"], Float[Tensor, "b 7 h w"]]:
    """What :meth:`SideBySide.attend` takes of a batch."""
    return (
        torch.cat((batch.garment, batch.garment_mask), dim=1),
        torch.cat((batch.agnostic, batch.agnostic_mask, batch.dense_pose), dim=1),
    )


def copying(record: AttentionRecord, batch: TryOnBatch) -> Float[Tensor, ""]:
    """The squared error, where the garment is worn, of the garment's patches as the mean of the heads fetches them."""
    fetched = record.per_key_grid()[-1].read(patches(batch.garment)[:, None]).mean(1)
    mask = patches(batch.garment_region.expand(-1, 3, -1, -1)).to(fetched.dtype)
    return ((fetched - patches(batch.person)).square() * mask).sum() / mask.sum().clamp_min(1)
