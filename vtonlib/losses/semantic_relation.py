"""Patch-wise semantic relation: how patches of one image relate, kept in its translation, and hard negatives by it.

The other paper of 2022 that gives the patches of CUT different weights. It keeps what QS-Attn routes by, the similarity
of each patch to all others, as a loss of its own, and weighs the negatives of the contrastive loss by it.

Book: sec-query-selection.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def relation_divergence(
    translation: Float[Tensor, "b m c"], source: Float[Tensor, "b m c"], *, scale: float = 1.0
) -> Float[Tensor, "b m"]:
    """The Jensen-Shannon divergence, in nats, of each patch's similarities to all patches, of the two images.

    P_i = softmax_j(<z_i, z_j>) in the source, Q_i the same in the translation, M their mean:
    KL(P || M) / 2 + KL(Q || M) / 2, between 0 (the same relations) and ln 2 (no patch in common). Gradients reach both.

    Args:
        translation: patches of the translation.
        source: the same patches of the source.
        scale: factor of the products.

    Raises:
        ValueError: where the two have different shapes, or the scale is not above 0.

    Source: Jung et al. 2022, semantic relation consistency, summed there over the patches; the formula is that of the
    authors' slides, which show no scale. Equation: eq-semantic-relation. Book: sec-query-selection.
    """
    _check_shapes(translation, source)
    if not scale > 0:
        raise ValueError(f"scale is {scale}: expected a number above 0")
    p, q = ((scale * z @ z.mT).log_softmax(-1) for z in (source, translation))
    mean = torch.logaddexp(p, q) - math.log(2)
    return 0.5 * ((p.exp() * (p - mean)).sum(-1) + (q.exp() * (q - mean)).sum(-1))


def negative_weights(source: Float[Tensor, "b m c"], gamma: float) -> Float[Tensor, "b m m"]:
    """How much each patch counts as a negative of each other one: exp(gamma <z_i, z_j>), rows of sum 1, no own patch.

    Raises:
        ValueError: for fewer than two patches.

    Source: Jung et al. 2022, a density of von Mises and Fisher about the patch, as the hard negatives of Robinson et
    al. 2021; gamma 0 weighs all alike. Equation: eq-hard-negatives. Book: sec-query-selection.
    """
    patches = source.shape[1]
    if patches < 2:
        raise ValueError(f"there are {patches} patches: expected at least 2, one of them a negative")
    own = torch.eye(patches, dtype=torch.bool, device=source.device)
    return (gamma * source @ source.mT).masked_fill(own, -torch.inf).softmax(-1)


def hard_negative_nce(
    query: Float[Tensor, "b m c"], key: Float[Tensor, "b m c"], *, temperature: float = 0.07, gamma: float = 1.0
) -> Float[Tensor, "b m"]:
    """The decoupled contrastive loss, its negatives weighed by how alike they are to the own key.

    ln((m - 1) sum_j w_ij exp(<q_i, k_j> / T)) - <q_i, k_i> / T over the negatives j alone, which is what decoupled
    means: the own key is not in the denominator. With gamma 0 the weights are 1 / (m - 1). Keys are targets: no
    gradient reaches them.

    Raises:
        ValueError: where query and key have different shapes, the temperature is not above 0, or there are fewer than
            two patches.

    Source: Jung et al. 2022 (hDCE); decoupled as in Yeh et al. 2022. Which of its constants the released code takes was
    not checked. Book: sec-query-selection.
    """
    _check_shapes(query, key)
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}: expected a number above 0")
    key = key.detach()
    logits = query @ key.mT / temperature
    weighed = logits + negative_weights(key, gamma).log()
    return weighed.logsumexp(-1) + math.log(key.shape[1] - 1) - logits.diagonal(dim1=-2, dim2=-1)


def _check_shapes(one: Tensor, other: Tensor) -> None:
    if one.shape != other.shape:
        raise ValueError(f"the two images' patches are {tuple(one.shape)} and {tuple(other.shape)}: expected the same")
