"""Parts of denoisers: attention that can be observed, the short way, attention to one token."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, Grid
from vtonlib.grids import coordinate_grid, resize_flow, resize_nearest, warp


class MultiHeadAttention(nn.Module):
    """Projections around an :class:`AttentionCore`, which can be tapped by the name ``core``."""

    def __init__(self, channels: int, context_channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_channels, channels, bias=False)
        self.to_v = nn.Linear(context_channels, channels, bias=False)
        self.to_out = nn.Linear(channels, channels)
        self.core = AttentionCore()

    def forward(
        self,
        x: Float[Tensor, "b nq c"],
        context: Float[Tensor, "b nk e"],
        grid: Grid,
        keys: Float[Tensor, "b nk e"] | None = None,
    ) -> Float[Tensor, "b nq c"]:
        """Queries from ``x``, values from ``context``, keys from it too unless given; all lie on ``grid``."""
        return self.carry(x, context, context[..., :0], grid, keys)[0]

    def carry(
        self,
        x: Float[Tensor, "b nq c"],
        context: Float[Tensor, "b nk e"],
        carried: Float[Tensor, "b nk z"],
        grid: Grid,
        keys: Float[Tensor, "b nk e"] | None = None,
    ) -> tuple[Float[Tensor, "b nq c"], Float[Tensor, "b nq z"]]:
        """:meth:`forward`, and what the same attention, as the mean of its heads, reads of ``carried``, in one pass."""
        query, key, value = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.to_q(x), self.to_k(context if keys is None else keys), self.to_v(context))
        )
        added = carried[:, None].to(value.dtype).expand(-1, self.heads, -1, -1)
        both = self.core(query, key, torch.cat((value, added), dim=-1), query_grid=grid, key_grids=(grid,))
        out, read = both.split((value.shape[-1], carried.shape[-1]), dim=-1)
        return self.to_out(out.transpose(1, 2).flatten(2)), read.mean(1)


class Composition(nn.Module):
    """Lays the garment's latents, where attention says, over what the decoder painted: painted + m * mix(soft, sharp).

    ``soft`` is what the attention reads of the latents, a mean; ``sharp`` the latents warped by its expected
    coordinates, as Leffa warps the reference, but bicubically: bilinear reading loses a third of the texture. Both
    begin with half of the weight. m = sigmoid(conv(features)) says where the garment is worn: CP-VTON's composition
    mask. What takes this short way skips value, feed-forward and residual blocks, through which a small network needs
    thousands of steps to learn to copy, so attention hears at once whether it looked at the right place.

    It hears it from ``soft`` alone: how a picture changes with a place says where to go only if the place is nearly
    right. Small models that were told nothing found places later where ``sharp`` taught too, or fell onto wrong keys in
    the first hundreds of steps. What is told the places is as good with both, or a little better:
    :attr:`sharp_teaches`.

    Args:
        channels: channels of the decoder's finest features.
        latent_channels: channels z of the latents.
        count: how many blocks carry.
        patch_size: rows and columns of latents in a token.

    Neither the paper nor the release has it. Equation: eq-short-way. Book: sec-short-way.
    """

    sharp_teaches: bool = False
    """Whether the gradient of ``sharp`` reaches attention; what is painted is the same."""

    def __init__(self, channels: int, latent_channels: int, count: int, patch_size: int = 1) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.mask = nn.Conv2d(channels, patch_size**2, 3, padding=1)
        mixes = [nn.Conv2d(2 * latent_channels, latent_channels, 1) for _ in range(count)]
        for mix in mixes:  # each begins as its share, half of it soft, half of it sharp
            half = torch.eye(latent_channels) / (2 * count)
            mix.weight = nn.Parameter(torch.cat((half, half), dim=1)[..., None, None])
            mix.bias = nn.Parameter(torch.zeros(latent_channels))
        self.mix = nn.ModuleList(mixes)

    def carried(self, latents: Float[Tensor, "b z H W"]) -> Float[Tensor, "b z+2 h w"]:
        """What the blocks are to read: each token's mean latents, and its coordinates."""
        means = nn.functional.avg_pool2d(latents, self.patch_size)
        places = coordinate_grid(*means.shape[-2:], device=means.device, dtype=means.dtype).movedim(-1, 0)
        return torch.cat((means, places.expand(len(means), -1, -1, -1)), dim=1)

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        reads: Sequence[Float[Tensor, "b z+2 h w"]],
        latents: Float[Tensor, "b z H W"],
    ) -> Float[Tensor, "b z H W"]:
        """What is to be added to the painted latents, given what each block read of :meth:`carried`."""
        size, mixed = latents.shape[-2:], torch.zeros_like(latents)
        for mix, read in zip(self.mix, reads, strict=True):
            soft, flow = read.to(latents.dtype).split((latents.shape[1], 2), dim=1)
            flow = flow if self.sharp_teaches else flow.detach()
            sharp = warp(latents, resize_flow(flow.movedim(1, -1), *size), mode="bicubic")
            mixed = mixed + mix(torch.cat((resize_nearest(soft, *size), sharp), dim=1))
        return nn.functional.pixel_shuffle(self.mask(features).sigmoid(), self.patch_size) * mixed


class OneTokenAttention(AttnProcessor2_0):
    """Cross-attention that knows the answer when there is one token: softmax over one key is 1.

    The output is to_out(to_v(token)) for every query, at every place and every time step; queries and keys are not
    computed, so ``to_q`` and ``to_k`` get no gradient (the released code computes them, with a gradient of zero). With
    more tokens it is diffusers'. Book: sec-latent-diffusion.
    """

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "b n c"],
        encoder_hidden_states: Float[Tensor, "b k e"] | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Float[Tensor, "b n c"]:
        """The attention's output."""
        if encoder_hidden_states is None or encoder_hidden_states.shape[1] != 1 or attention_mask is not None:
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        constant = attn.to_out[1](attn.to_out[0](attn.to_v(encoder_hidden_states)))
        return constant.expand(-1, hidden_states.shape[1], -1)


def answer_one_token(module: nn.Module) -> None:
    """Let every cross-attention of every transformer block within ``module`` be :class:`OneTokenAttention`."""
    for block in module.modules():
        if isinstance(block, BasicTransformerBlock) and block.attn2 is not None:
            block.attn2.set_processor(OneTokenAttention())
