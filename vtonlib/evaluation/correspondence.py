"""How well a flow, or an attention, knows where in the garment each person pixel comes from.

Flows ``[b h w 2]`` and masks ``[b 1 h w]`` as everywhere; a mask selects pixels where it is above 0.5. Every metric
returns one number per sample, ``[b]``, and NaN for a sample with no selected pixel (the bootstrap drops those).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.grids import coordinate_grid, resize_flow, to_pixels


def _selected(
    flow: Float[Tensor, "b h w 2"], target: Float[Tensor, "b h w 2"], mask: Float[Tensor, "b 1 h w"]
) -> Bool[Tensor, "b h w"]:
    """The selected pixels, once the shapes are known to agree."""
    if flow.shape != target.shape:
        raise ValueError(
            f"flow is {tuple(flow.shape)} but target is {tuple(target.shape)}; bring the flow to the target's lattice "
            "with grids.resize_flow"
        )
    _check_mask(target, mask)
    return mask[:, 0] > 0.5


def _check_mask(target: Float[Tensor, "b h w 2"], mask: Float[Tensor, "b 1 h w"]) -> None:
    expected = (target.shape[0], 1, *target.shape[1:3])
    if mask.shape != expected:
        raise ValueError(f"mask is {tuple(mask.shape)}, expected {expected}, the lattice of the target")


def _mean_over(values: Float[Tensor, "b h w"], selected: Bool[Tensor, "b h w"]) -> Float[Tensor, " b"]:
    """The mean of the selected values of each sample; 0/0 = NaN where none is selected."""
    return torch.where(selected, values, 0).flatten(1).sum(1) / selected.flatten(1).sum(1)


def _distance(
    flow: Float[Tensor, "*#shape 2"], target: Float[Tensor, "*#shape 2"], lattice: tuple[int, int]
) -> Float[Tensor, ...]:
    """Distance in steps of the garment lattice (height, width); shapes broadcast."""
    return to_pixels(flow - target, *lattice).norm(dim=-1)


def end_point_error(
    flow: Float[Tensor, "b h w 2"],
    target: Float[Tensor, "b h w 2"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    lattice: tuple[int, int],
) -> Float[Tensor, " b"]:
    """Mean distance between flow and truth, in steps of the garment ``lattice`` (height, width): pixels or tokens.

    Raises:
        ValueError: if the shapes do not agree.

    Source: Baker et al. 2011, "A database and evaluation methodology for optical flow". Equation: eq-epe.
    Book: sec-evaluation.
    """
    selected = _selected(flow, target, mask)
    return _mean_over(_distance(flow, target, lattice), selected)


def pck(
    flow: Float[Tensor, "b h w 2"],
    target: Float[Tensor, "b h w 2"],
    mask: Float[Tensor, "b 1 h w"],
    thresholds: Sequence[float],
    *,
    lattice: tuple[int, int],
) -> Float[Tensor, "b t"]:
    """Percentage of correct keypoints, as a fraction: the share of pixels within each threshold of the truth.

    ``thresholds`` count steps of the garment ``lattice`` (height, width).

    Raises:
        ValueError: if the shapes do not agree.

    Source: Yang & Ramanan 2013, "Articulated human detection with flexible mixtures of parts". Equation: eq-pck.
    Book: sec-evaluation.
    """
    selected = _selected(flow, target, mask)
    distance = _distance(flow, target, lattice)
    return torch.stack([_mean_over((distance <= t).to(flow.dtype), selected) for t in thresholds], dim=1)


def mirror_swap_rate(
    flow: Float[Tensor, "b h w 2"],
    target: Float[Tensor, "b h w 2"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    band: float = 0.1,
) -> Float[Tensor, " b"]:
    """The share of pixels whose flow lies nearer to the mirrored truth (-x, y) than to the truth: left/right mistaken.

    Pixels whose truth has ``|x| < band`` are left out: there both are nearly the same place. A flow on the middle
    line, such as that of uniform attention, is as near to the one as to the other and counts as half.

    Raises:
        ValueError: if the shapes do not agree.

    Equation: eq-mirror-swaps. Book: sec-evaluation.
    """
    off_centre = _selected(flow, target, mask) & (target[..., 0].abs() >= band)
    # |f - m|^2 - |f - t|^2 = 4 f_x t_x with m = (-t_x, t_y): only the signs of x matter.
    side = torch.sign(flow[..., 0] * target[..., 0])
    return _mean_over((1 - side) / 2, off_centre)


def coverage(
    flow: Float[Tensor, "b h w 2"],
    target: Float[Tensor, "b h w 2"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    lattice: tuple[int, int],
) -> Float[Tensor, " b"]:
    """Of the garment cells the truth uses, the share that the flow uses too.

    A cell of the garment ``lattice`` (height, width) is used when it is the nearest cell to some selected pixel's
    coordinates. Flows that collapse to a few places score low however small their errors are.

    Raises:
        ValueError: if the shapes do not agree.

    Equation: eq-coverage. Book: sec-evaluation.
    """
    selected = _selected(flow, target, mask)
    true_cells, cells = (_used_cells(f, selected, lattice) for f in (target, flow))
    return (true_cells & cells).sum(1).to(flow.dtype) / true_cells.sum(1)


def _used_cells(
    flow: Float[Tensor, "b h w 2"], selected: Bool[Tensor, "b h w"], lattice: tuple[int, int]
) -> Bool[Tensor, "b n"]:
    height, width = lattice
    column, row = to_pixels(flow.clamp(-1, 1) + 1, height, width).round().long().unbind(-1)
    used = torch.zeros(len(flow), height * width, dtype=torch.long, device=flow.device)
    used.scatter_reduce_(1, (row * width + column).flatten(1), selected.flatten(1).long(), "amax")
    return used > 0


def truth_on_lattice(
    target: Float[Tensor, "b h w 2"], mask: Float[Tensor, "b 1 h w"], height: int, width: int
) -> tuple[Float[Tensor, "b H W 2"], Float[Tensor, "b 1 H W"]]:
    """The true flow at the tokens of a coarser lattice, and the mask of tokens where it is known.

    A token is known only where every pixel that the interpolation reads is: beside an unknown pixel the mean would
    mix truth with the 0 that stands for unknown.
    """
    if target.shape[1:3] == (height, width):
        return target, mask
    known = (mask > 0.5).to(target.dtype).movedim(1, -1).expand(-1, -1, -1, 2)
    share = resize_flow(known, height, width)[..., :1].movedim(-1, 1)
    return resize_flow(target, height, width), (share > 1 - 1e-4).to(target.dtype)


def attention_mass(
    record: AttentionRecord,
    target: Float[Tensor, "b h w 2"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    radius: float = 1.5,
    rows_per_chunk: int = 256,
) -> Float[Tensor, " b"]:
    """The share of attention that falls within ``radius`` key tokens of the truth, mean over heads and query tokens.

    Truth and mask may be given at the resolution of the images. Works through the queries in chunks, so that the
    whole map never exists.

    Raises:
        ValueError: if the record has several key lattices (use its ``per_key_grid``), or the shapes do not agree.

    Book: sec-evaluation.
    """
    lattice = record.key_grid
    _check_mask(target, mask)
    keys = coordinate_grid(*lattice, device=target.device, dtype=target.dtype).flatten(0, 1)
    truth, known = truth_on_lattice(target, mask, record.query_grid.height, record.query_grid.width)
    truth = truth.flatten(1, 2)
    mass = []
    for rows in torch.arange(truth.shape[1], device=target.device).split(rows_per_chunk):
        weights = record.weights(rows.expand(len(truth), -1)).mean(1)
        near = _distance(keys, truth[:, rows, None], lattice) <= radius
        mass.append((weights * near).sum(-1))
    return _mean_over(torch.cat(mass, dim=1)[:, :, None], known[:, 0].flatten(1)[:, :, None] > 0.5)
