"""What of a picture a feature depends on: the extent of its gradient.

Book: sec-query-selection.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import resize_mask


def receptive_field(
    read: Callable[[Float[Tensor, "b 3 h w"]], Float[Tensor, "b m c"]],
    images: Float[Tensor, "b 3 h w"],
    index: int,
    *,
    probes: int = 4,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "b h w"]:
    """How much a patch's features depend on each pixel: the squared gradient, summed over colours and channels.

    The sum over channels is an expectation over random signs, sum_c v_c y_c with v_c = +-1, of which ``probes`` are
    drawn; with one channel it is exact.

    Args:
        read: pictures to patches, each image by itself.
        images: the pictures.
        index: which of the patches.
        probes: how many random signs.
        generator: where they come from.

    Raises:
        ValueError: for fewer than one probe.

    Source: the effective receptive field of Luo et al. 2016. Book: sec-query-selection.
    """
    if probes < 1:
        raise ValueError(f"probes is {probes}: expected at least 1")
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        patch = read(images)[:, index]
    field = torch.zeros_like(images[:, 0])
    for probe in range(probes):
        signs = torch.randint(2, patch.shape, generator=generator).to(patch) * 2 - 1
        (slope,) = torch.autograd.grad(patch, images, signs, retain_graph=probe + 1 < probes)
        field += slope.square().sum(1) / probes
    return field


def effective_patches(field: Float[Tensor, "b h w"], height: int, width: int) -> Float[Tensor, " b"]:
    """How many patches a field is spread over: the exponential of the entropy of its shares on a lattice.

    1 for a field within one patch, and k for one spread evenly over k patches; NaN for a field that is 0 everywhere.

    Book: sec-query-selection.
    """
    mass = resize_mask(field[:, None], height, width).flatten(1).double()
    return torch.special.entr(mass / mass.sum(1, keepdim=True)).sum(1).exp()


def field_reach(field: Float[Tensor, "b h w"], index: int, height: int, width: int) -> Float[Tensor, " b"]:
    """How far a field reaches from a patch: the root of the mean squared distance, in patches, by weight.

    Args:
        field: what :func:`receptive_field` gives.
        index: the number of the patch on a lattice of ``height`` x ``width``, row by row.
        height: rows of the lattice.
        width: columns of the lattice.

    Book: sec-query-selection.
    """
    mass = resize_mask(field[:, None], height, width)[:, 0].double()
    rows = torch.arange(height, device=mass.device)[:, None] - index // width
    columns = torch.arange(width, device=mass.device) - index % width
    return ((mass * (rows.square() + columns.square())).sum((1, 2)) / mass.sum((1, 2))).sqrt()
