"""Leffa's loss: read as a flow, attention must carry the reference's colours to where the target has them.

The loss was announced with the paper's code and never released. This is written from the paper; where it leaves
something open, the docstrings say what was chosen and why.

Book: sec-leffa.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.attention.rows import masked_rows
from vtonlib.grids import coordinate_grid, masked_mean, resize_flow, warp
from vtonlib.shares import counted

TEMPERATURE = 2.0
"""The paper's: attention is read softer than it works, so that keys of little weight get a gradient too."""


def leffa_flow(record: AttentionRecord, *, temperature: float = TEMPERATURE) -> Float[Tensor, "b hq wq 2"]:
    """The flow (x, y), in [-1, 1], that an attention is: its expected place among the *reference's* keys.

    Where keys are of the painted picture and of the reference, as in Leffa's joined self-attention, the last lattice is
    the reference's, and the softmax is over it alone. The paper writes a map of n x n; its rows must sum to 1 for
    their mean place to be a place. Over all 2n keys the rows' weight on the reference may be a half, which draws each
    place half the way to the picture's centre (:func:`joined_flow`).

    Source: Leffa, Flow = A C with A the mean of the heads. Equation: eq-leffa-flow. Book: sec-leffa.
    """
    return expected_coordinates(record.per_key_grid()[-1], temperature=temperature)


def joined_flow(record: AttentionRecord, *, temperature: float = TEMPERATURE) -> Float[Tensor, "b hq wq 2"]:
    """What :func:`leffa_flow` would be with the softmax over all keys, those of the painted picture at (0, 0).

    It is leffa_flow, each head's times the share of its weight that the reference gets (:func:`reference_share`), so
    nearer to the centre: shown to explain why rebuilt losses were seen to draw everything there.

    Raises:
        ValueError: where all keys lie on one lattice, the reference's; then the two are the same.

    Equation: eq-joined-flow. Book: sec-joined-softmax.
    """
    _check_joined(record)
    places = coordinate_grid(*record.key_grids[-1], device=record.key.device).flatten(0, 1)
    values = places.new_zeros(record.key.shape[2], 2)
    values[-len(places) :] = places
    return record.read(values[None, None], temperature=temperature).mean(1).unflatten(1, record.query_grid)


def reference_share(record: AttentionRecord, *, temperature: float = TEMPERATURE) -> Float[Tensor, "b heads hq wq"]:
    """The share of each query's weight, of every head, that the reference's keys get of all keys.

    Raises:
        ValueError: where all keys lie on one lattice, the reference's; then it is 1.

    Equation: eq-reference-share. Book: sec-joined-softmax.
    """
    _check_joined(record)
    values = record.key.new_zeros(record.key.shape[2], 1)
    values[-record.key_grids[-1].tokens :] = 1
    return record.read(values[None, None], temperature=temperature)[..., 0].unflatten(2, record.query_grid)


def _check_joined(record: AttentionRecord) -> None:
    if len(record.key_grids) < 2:
        raise ValueError(
            f"attention '{record.name}' has one lattice of keys: expected the picture's and the reference's"
        )


def leffa_warp(
    record: AttentionRecord, reference: Float[Tensor, "b c H W"], *, temperature: float = TEMPERATURE
) -> Float[Tensor, "b c H W"]:
    """The reference, in its own size, moved to where attention looks for it; gradients reach the places alone.

    The flow is enlarged bilinearly. Its corners and the picture's are the centres of their first and last tokens or
    pixels, so attention of each token to itself gives the reference back, exactly.

    Source: Leffa, I_warp = grid_sample(I_ref, upsampled Flow). Equation: eq-leffa-warp. Book: sec-leffa.
    """
    flow = resize_flow(leffa_flow(record, temperature=temperature), *reference.shape[-2:])
    return warp(reference.detach().to(flow.dtype), flow)


def leffa(
    record: AttentionRecord,
    reference: Float[Tensor, "b c H W"],
    target: Float[Tensor, "b c _ _"],
    mask: Float[Tensor, "b 1 _ _"],
    *,
    temperature: float = TEMPERATURE,
) -> Float[Tensor, ""]:
    """Leffa's loss on one attention: the squared difference of the warped reference and the target, inside the mask.

    The mean over the weighted pixels of the batch and the channels; queries that no such pixel is read from are not
    computed. The paper writes a squared norm, a sum, which at 1024x768 would be some 100,000 times as large and its
    weight of 0.001 without meaning.

    Args:
        record: an attention whose last lattice of keys is the reference's, its graph kept.
        reference: the picture behind those keys, the garment or the person in another pose, in [-1, 1]; or its latents.
        target: what it should become, as large as the reference.
        mask: the weight of each pixel; 0 for samples that were shown no reference, and for noise levels without the
            loss. All 0 gives 0 with gradient 0.
        temperature: of the attention as it is read here; the model itself works at 1.

    Raises:
        ValueError: where the three pictures differ in size.

    Source: Leffa, L = the squared norm of M (I_warp - I_tgt). Equation: eq-leffa-loss. Book: sec-leffa.
    """
    _check_pictures(reference, target, mask)
    rows = mask.flatten(1).any(1)
    if rows.any() and not rows.all():
        record = replace(record, query=record.query[rows], key=record.key[rows])
        reference, target, mask = reference[rows], target[rows], mask[rows]
    flow = _flow_inside(record, mask, temperature)
    total = counted(mask.to(flow.dtype).sum()) * target.shape[1]
    difference = checkpoint(
        _difference, flow, reference.detach(), target, mask, use_reentrant=False, preserve_rng_state=False
    )
    return difference / total.clamp_min(torch.finfo(flow.dtype).tiny)


def _check_pictures(reference: Tensor, target: Tensor, mask: Tensor) -> None:
    expected = (len(target), 1, *target.shape[-2:])
    if target.shape != reference.shape or mask.shape != expected:
        raise ValueError(
            f"reference is {tuple(reference.shape)}, target {tuple(target.shape)} and mask {tuple(mask.shape)}: "
            f"expected two pictures of one shape and a mask {expected}"
        )


def _difference(
    flow: Float[Tensor, "b hq wq 2"],
    reference: Float[Tensor, "b c H W"],
    target: Float[Tensor, "b c H W"],
    mask: Float[Tensor, "b 1 H W"],
) -> Float[Tensor, ""]:
    """The sum over the mask of the squared difference of the warped reference and the target; pictures are large, so
    the backward pass makes them again."""
    warped = warp(reference.to(flow.dtype), resize_flow(flow, *reference.shape[-2:]))
    return ((warped - target.to(warped.dtype)).square() * mask.to(warped.dtype)).sum()


def _flow_inside(
    record: AttentionRecord, mask: Float[Tensor, "b 1 H W"], temperature: float
) -> Float[Tensor, "b hq wq 2"]:
    """:func:`leffa_flow` at the queries that a pixel of the mask is read from, elsewhere 0: only those are computed."""
    with torch.enable_grad():  # the adjoint of enlarging is its gradient
        field = mask.new_zeros(len(mask), *record.query_grid, 1, requires_grad=True)
        enlarged = resize_flow(field, *mask.shape[-2:])
        (read,) = torch.autograd.grad(enlarged, field, mask.detach().movedim(1, -1))
    rows = masked_rows(record.per_key_grid()[-1], read.movedim(-1, 1))
    return rows.scatter(expected_coordinates(rows.record, temperature=temperature).flatten(1, 2))


def flow_pull(
    flow: Float[Tensor, "b H W 2"],
    reference: Float[Tensor, "b c H W"],
    target: Float[Tensor, "b c H W"],
    mask: Float[Tensor, "b 1 H W"],
) -> Float[Tensor, "b H W 2"]:
    """Which way Leffa's loss draws the place of each pixel: minus its gradient by the enlarged flow.

    It is the error of the colour found there, times the slope of the reference *at that place*, between the four
    pixels around it. What lies farther away is not felt; where the reference has one colour there is no pull at all.

    Equation: eq-flow-pull. Book: sec-one-pixel.
    """
    with torch.enable_grad():
        places = flow.detach().requires_grad_()
        loss = masked_mean((warp(reference, places) - target).square(), mask)
        return -torch.autograd.grad(loss, places)[0]
