"""Diffusion transformers' joined attention, observed: where an attention record sits in Stable Diffusion 3 and FLUX.

Their blocks have two streams of tokens, a picture's and a text's, with projections of their own, and one attention over
both. Try-on models of this kind lay garment and person side by side as *one* picture, so the map from person to garment
is a block of columns of the picture's own attention, between other columns of the same rows.

Book: sec-joint-blocks.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import Any, Literal

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_flux import FluxAttention
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, AttentionRecord, Grid


class RecordingJointAttention(nn.Module):
    """diffusers' ``JointAttnProcessor2_0`` with a core that can be tapped: picture first, then text.

    ``block.attn.set_processor(RecordingJointAttention())``; the lattices come with each call, as
    ``joint_attention_kwargs={"grids": (picture, text)}``. A text's tokens are a column. The output is the same.

    Book: sec-joint-blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.core = AttentionCore()

    def __call__(  # diffusers reads the names of these arguments
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "b n c"],
        encoder_hidden_states: Float[Tensor, "b t c"],
        attention_mask: None = None,
        *,
        grids: tuple[Grid, ...],
    ) -> tuple[Float[Tensor, "b n c"], Float[Tensor, "b t c"]]:
        """The attention's two outputs."""
        tokens = hidden_states.shape[1]
        own = (attn.to_q, attn.to_k, attn.to_v)
        added = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
        norms = ((attn.norm_q, attn.norm_added_q), (attn.norm_k, attn.norm_added_k), (None, None))
        query, key, value = (
            torch.cat(
                (
                    _normed(_heads(project(hidden_states), attn.heads), norm),
                    _normed(_heads(project_text(encoder_hidden_states), attn.heads), norm_text),
                ),
                dim=2,
            )
            for project, project_text, (norm, norm_text) in zip(own, added, norms, strict=True)
        )
        out = self.core(query, key, value, query_grid=_column(query), key_grids=grids).transpose(1, 2).flatten(2)
        picture, text = out[:, :tokens], out[:, tokens:]
        return attn.to_out[1](attn.to_out[0](picture)), text if attn.context_pre_only else attn.to_add_out(text)


class RecordingFluxAttention(nn.Module):
    """diffusers' ``FluxAttnProcessor`` with a core that can be tapped: text first, then picture.

    For both kinds of FLUX's blocks; in the second kind the streams come as one. What the core sees is rotated by its
    places, so the record holds the model's own map.

    Book: sec-joint-blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.core = AttentionCore()

    def __call__(  # diffusers reads the names of these arguments
        self,
        attn: FluxAttention,
        hidden_states: Float[Tensor, "b n c"],
        encoder_hidden_states: Float[Tensor, "b t c"] | None = None,
        attention_mask: None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        *,
        grids: tuple[Grid, ...],
    ) -> Any:
        """The attention's output, or two where there are two streams."""
        query, key, value = (
            _heads(project(hidden_states), attn.heads) for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        query, key = attn.norm_q(query), attn.norm_k(key)
        if encoder_hidden_states is not None:
            added = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
            text = [_heads(project(encoder_hidden_states), attn.heads) for project in added]
            text = [attn.norm_added_q(text[0]), attn.norm_added_k(text[1]), text[2]]
            query, key, value = (torch.cat(pair, dim=2) for pair in zip(text, (query, key, value), strict=True))
        if image_rotary_emb is not None:
            query, key = (apply_rotary_emb(x, image_rotary_emb, sequence_dim=2) for x in (query, key))
        out = self.core(query, key, value, query_grid=_column(query), key_grids=grids).transpose(1, 2).flatten(2)
        if encoder_hidden_states is None:
            return out
        before = encoder_hidden_states.shape[1]
        return attn.to_out[1](attn.to_out[0](out[:, before:])), attn.to_add_out(out[:, :before])


def _heads(projected: Tensor, heads: int) -> Tensor:
    return projected.unflatten(-1, (heads, -1)).transpose(1, 2)


def _normed(x: Tensor, norm: nn.Module | None) -> Tensor:
    return x if norm is None else norm(x)


def _column(query: Tensor) -> Grid:
    """All tokens ask, of several lattices: as queries they form one column."""
    return Grid(query.shape[2], 1)


def side_by_side(
    record: AttentionRecord, picture: int, *, garment: Literal["left", "right"] = "left"
) -> AttentionRecord:
    """What the person's half of a picture asks, with the garment's half as the last lattice of keys.

    The row is the whole one: first the keys of other lattices, then the person's own half, then the garment's. So
    :func:`vtonlib.losses.flow.leffa`, ``leffa_flow`` and ``reference_share`` read it as they read Leffa's two UNets.

    Args:
        record: of an attention in which all tokens ask.
        picture: which of its lattices of keys is the picture, whose columns are two halves.
        garment: which half shows the garment.

    Raises:
        ValueError: where there is no such lattice, its columns are odd, or not all tokens ask.

    Equation: eq-joint-row. Book: sec-joint-blocks.
    """
    grids = record.key_grids
    if not 0 <= picture < len(grids):
        raise ValueError(f"picture is {picture}: expected one of the record's {len(grids)} lattices of keys, from 0")
    lattice = grids[picture]
    if lattice.width % 2:
        raise ValueError(f"the picture has {lattice.width} columns of tokens: expected two halves of as many")
    if record.query.shape[2] != record.key.shape[2]:
        raise ValueError(f"{record.query.shape[2]} tokens ask and {record.key.shape[2]} are keys: expected as many")
    starts = [0, *accumulate(grid.tokens for grid in grids)]
    places = torch.arange(lattice.tokens, device=record.key.device).view(lattice) + starts[picture]
    left, right = (half.flatten() for half in places.chunk(2, dim=1))
    shown, person = (left, right) if garment == "left" else (right, left)
    others = [torch.arange(starts[i], starts[i + 1], device=places.device) for i in range(len(grids)) if i != picture]
    half = Grid(lattice.height, lattice.width // 2)
    return replace(
        record,
        query=record.query[:, :, person],
        key=record.key[:, :, torch.cat((*others, person, shown))],
        query_grid=half,
        key_grids=(*(grid for i, grid in enumerate(grids) if i != picture), half, half),
    )
