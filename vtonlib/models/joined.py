"""Self-attention that reads another UNet's tokens too: how Leffa's two UNets meet.

Book: sec-two-unets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, Grid

SMALLEST_SHARE = 1e-4
"""Of a query's attention on the reference, below which what it reads there is not enlarged further."""


class Exchange(Protocol):
    """What the self-attentions of one forward pass do, in order of execution."""

    def attend(self, attn: Attention, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """One self-attention's output; ``tokens`` are its input, the output of the block's first layer norm."""


class ExchangingAttention:
    """diffusers' processor of a self-attention that leaves the attending to an :class:`Exchange`."""

    def __call__(  # diffusers reads the names of these arguments
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "b n c"],
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        temb: None = None,
        *,
        exchange: Exchange,
    ) -> Float[Tensor, "b n c"]:
        """The attention's output."""
        return exchange.attend(attn, hidden_states)


class Echo(nn.Module):
    """Leffa's cross-attention to text as released: it returns its input, so its block computes h + LN2(h), not h."""

    def forward(self, hidden_states: Float[Tensor, "b n c"], **unread: Any) -> Float[Tensor, "b n c"]:
        """The input."""
        return hidden_states


def exchange_tokens(unet: nn.Module, *, text: Literal["removed", "released"]) -> None:
    """Let every self-attention of ``unet`` be an :class:`ExchangingAttention` with a core that can be tapped.

    Cross-attention to text is removed with its layer norm, or becomes an :class:`Echo` behind it.
    """
    for block in unet.modules():
        if isinstance(block, BasicTransformerBlock):
            block.attn1.core = AttentionCore()
            block.attn1.set_processor(ExchangingAttention())  # type: ignore[arg-type]
            block.attn2 = Echo() if text == "released" else None  # type: ignore[assignment]
            block.norm2 = block.norm2 if text == "released" else None  # type: ignore[assignment]


def joined_attention(
    attn: Attention,
    own: Float[Tensor, "b n c"],
    values: Sequence[Float[Tensor, "b _ c"]],
    keys: Sequence[Float[Tensor, "b _ c"]],
    grids: tuple[Grid, ...],
    carried: Float[Tensor, "b m z"] | None = None,
) -> tuple[Float[Tensor, "b n c"], Float[Tensor, "b n z"] | None]:
    """Attention of a picture's tokens to several pictures' tokens at once, and what it reads of ``carried``.

    Leffa's released code lets the reference's tokens ask too and throws their answers away. Here only ``own`` ask:
    equal, and twice as cheap.

    Args:
        attn: the projections, one set for all pictures.
        own: the tokens that ask.
        values: each picture's tokens as values.
        keys: the same, or what is looked through in their place.
        grids: each picture's lattice; the first is that of ``own``.
        carried: read by the same attention, as the mean of its heads: zeros for all pictures but the last.

    Equation: eq-joined-attention. Book: sec-two-unets.
    """

    def heads(projected: Tensor) -> Tensor:
        return projected.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

    query, key = heads(attn.to_q(own)), heads(attn.to_k(torch.cat(list(keys), dim=1)))
    value = heads(attn.to_v(torch.cat(list(values), dim=1)))
    width = value.shape[-1]
    if carried is not None:
        unread = carried.new_zeros(len(carried), key.shape[2] - carried.shape[1], carried.shape[2])
        added = torch.cat((unread, carried), dim=1)[:, None].to(value.dtype).expand(-1, attn.heads, -1, -1)
        value = torch.cat((value, added), dim=-1)
    both = attn.core(query, key, value, query_grid=grids[0], key_grids=grids, scale=attn.scale)
    out = attn.to_out[1](attn.to_out[0](both[..., :width].transpose(1, 2).flatten(2)))
    return out, None if carried is None else both[..., width:].mean(1)


def lattice(tokens: Tensor, size: Grid) -> Grid:
    """The level, of a picture of ``size`` and its halves, that has as many tokens."""
    grid = size
    while grid.tokens > tokens.shape[1]:
        grid = Grid(grid.height // 2, grid.width // 2)
    return grid


class LastTokens(nn.Module):
    """What is left of a UNet's last transformer block where its tokens alone are read: the norm that makes them."""

    def __init__(self, norm1: nn.Module) -> None:
        super().__init__()
        self.norm1 = norm1

    def forward(
        self, hidden_states: Float[Tensor, "b n c"], *, cross_attention_kwargs: dict[str, Any], **unread: Any
    ) -> Float[Tensor, "b n c"]:
        """The input; the recorder keeps the tokens."""
        cross_attention_kwargs["exchange"].keep(self.norm1(hidden_states))
        return hidden_states


def end_at_last_tokens(unet: Any) -> None:
    """Leave out of a UNetTrunk what follows the tokens of its last self-attention, which nothing would read.

    The released code computes it, and its files hold the weights.
    """
    last = max(index for index, block in enumerate(unet.up_blocks) if hasattr(block, "attentions"))
    unet.up_blocks = unet.up_blocks[: last + 1]
    unet.up_blocks[last].upsamplers = None
    attention = unet.up_blocks[last].attentions[-1]
    attention.proj_out = nn.Identity()
    attention.transformer_blocks[-1] = LastTokens(attention.transformer_blocks[-1].norm1)


class TokenRecorder:
    """Ordinary self-attention that keeps its tokens: the pass of Leffa's reference UNet."""

    def __init__(self, size: Grid) -> None:
        self.size = size
        self.tokens: list[Float[Tensor, "b n c"]] = []
        self.grids: list[Grid] = []

    def attend(self, attn: Attention, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """As in :class:`Exchange`."""
        grid = self.keep(tokens)
        return joined_attention(attn, tokens, (tokens,), (tokens,), (grid,))[0]

    def keep(self, tokens: Float[Tensor, "b n c"]) -> Grid:
        """Record tokens; their lattice."""
        self.tokens.append(tokens)
        self.grids.append(lattice(tokens, self.size))
        return self.grids[-1]


class TokenReader:
    """Self-attention joined with the recorded tokens: the pass of Leffa's generative UNet.

    Args:
        size: lattice of the finest tokens.
        values: tokens of the reference, by attention in order of execution.
        keys: the same, or what is looked through in their place.
        grids: their lattices.
        carried: what the last ``carrying`` attentions read besides, on the reference's finest lattice.
        carrying: how many.
    """

    def __init__(
        self,
        size: Grid,
        values: Sequence[Float[Tensor, "b _ _"]],
        keys: Sequence[Float[Tensor, "b _ _"]],
        grids: Sequence[Grid],
        carried: Float[Tensor, "b z h w"] | None = None,
        carrying: int = 0,
    ) -> None:
        self.size, self.carried, self.first = size, carried, len(values) - carrying
        self.reads: list[Float[Tensor, "b z h w"]] = []
        """What was carried, on the lattice of the queries: the mean over the reference's part of the attention."""
        self.reference = enumerate(zip(values, keys, grids, strict=True))

    def attend(self, attn: Attention, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """As in :class:`Exchange`."""
        index, (values, keys, grid) = next(self.reference)
        grids = (lattice(tokens, self.size), grid)
        if self.carried is None or index < self.first:
            return joined_attention(attn, tokens, (tokens, values), (tokens, keys), grids)[0]
        carried = self.carried.flatten(2).transpose(1, 2)
        carried = torch.cat((carried, torch.ones_like(carried[..., :1])), dim=-1)
        out, read = joined_attention(attn, tokens, (tokens, values), (tokens, keys), grids, carried)
        assert read is not None
        share = read[..., -1:].clamp_min(SMALLEST_SHARE)  # of the attention that is on the reference
        self.reads.append((read[..., :-1] / share).transpose(1, 2).unflatten(2, grids[0]))
        return out
