"""Noise-contrastive estimation between patches: each patch of a translation should be told from all others.

Book: sec-query-selection.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

RELEASED_DIAGONAL = -10.0
"""What the released code puts in the place of the positive among the negatives, before dividing by the temperature."""


def patch_nce(
    query: Float[Tensor, "b m c"],
    key: Float[Tensor, "b m c"],
    *,
    temperature: float = 0.07,
    released: bool = False,
) -> Float[Tensor, "b m"]:
    """The cross-entropy, in nats, with which each query is told to be its own key among all keys of its image.

    The loss of query i is logsumexp_j(<q_i, k_j> / T) - <q_i, k_i> / T: 0 where the own key is beyond compare, ln m
    where all are alike. The keys are targets: no gradient reaches them. For negatives of all images of a batch, hand
    over one image of b m patches, ``patch_nce(query.flatten(0, 1)[None], key.flatten(0, 1)[None])``.

    Args:
        query: patches of the translation, unit vectors.
        key: the same patches of the source, unit vectors.
        temperature: T, above 0.
        released: as the released code, whose denominator has one more term, exp(-10 / T). It is nothing at T = 0.07
            (1e-62) and shows from about T = 1.

    Raises:
        ValueError: where query and key have different shapes, or the temperature is not above 0.

    Source: CUT, Eq. 3; van den Oord et al. 2018. Equation: eq-patch-nce. Book: sec-query-selection.
    """
    if query.shape != key.shape:
        raise ValueError(f"query is {tuple(query.shape)} and key {tuple(key.shape)}: expected the same shape")
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}: expected a number above 0")
    dtype = torch.promote_types(torch.promote_types(query.dtype, key.dtype), torch.float32)
    with torch.autocast(query.device.type, enabled=False):
        logits = query.to(dtype) @ key.detach().to(dtype).mT / temperature
    total = logits.logsumexp(-1)
    if released:
        total = total.logaddexp(total.new_tensor(RELEASED_DIAGONAL / temperature))
    return total - logits.diagonal(dim1=-2, dim2=-1)
