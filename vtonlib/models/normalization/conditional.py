"""Normalizations whose scale and shift come from outside the activation: from a class, or from another image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.models.normalization.unconditional import group_standardize, standardize


def modulate(
    x: Float[Tensor, "b c h w"], gamma: Float[Tensor, "#b c #h #w"], beta: Float[Tensor, "#b c #h #w"]
) -> Float[Tensor, "b c h w"]:
    """x * (1 + gamma) + beta, so that gamma = beta = 0 changes nothing.

    Source: SPADE, equation 1, which prints gamma * x + beta; the released code adds the 1. Equation: eq-modulation.
    Book: sec-conditional-normalization.
    """
    return torch.addcmul(x + beta, x, gamma)  # one map less in memory than the formula as it stands


def adaptive_instance_norm(
    content: Float[Tensor, "b c h w"], style: Float[Tensor, "b c H W"], *, eps: float = 1e-5
) -> Float[Tensor, "b c h w"]:
    """``content`` with the mean and the standard deviation of each channel of ``style``, whatever the style's size.

    Source: Huang & Belongie 2017, equation 8. Equation: eq-adaptive-instance-norm. Book: sec-conditional-normalization.
    """
    variance, mean = torch.var_mean(style, (2, 3), correction=0, keepdim=True)
    return standardize(content, (2, 3), eps=eps) * torch.sqrt(variance + eps) + mean


def adaptive_group_norm(
    x: Float[Tensor, "b c h w"], scale: Float[Tensor, "b c"], shift: Float[Tensor, "b c"], groups: int
) -> Float[Tensor, "b c h w"]:
    """Group norm, scaled by 1 + ``scale`` and shifted for each sample: how diffusion models are told time and class.

    Raises:
        ValueError: where the channels do not divide into ``groups``.

    Source: Dhariwal & Nichol 2021, which print scale for 1 + scale. Equation: eq-adaptive-group-norm.
    Book: sec-conditional-normalization.
    """
    return modulate(group_standardize(x, groups), scale[:, :, None, None], shift[:, :, None, None])


def zero_gated(
    x: Float[Tensor, "b n c"],
    branch: Callable[[Float[Tensor, "b n c"]], Float[Tensor, "b n c"]],
    scale: Float[Tensor, "b c"],
    shift: Float[Tensor, "b c"],
    gate: Float[Tensor, "b c"],
) -> Float[Tensor, "b n c"]:
    """A transformer's residual branch under AdaLN-Zero: x + gate * branch((1 + scale) * layer norm of x + shift).

    Every token is normalized by itself. With the gate at 0, where training starts, the whole block is the identity.

    Source: Peebles & Xie 2023, section 3.2. Equation: eq-zero-gate. Book: sec-conditional-normalization.
    """
    normal = standardize(x, (2,), eps=1e-6)
    return x + gate[:, None] * branch(normal * (1 + scale[:, None]) + shift[:, None])


def class_adaptive(
    x: Float[Tensor, "b c h w"],
    labels: Int[Tensor, "b h w"],
    gamma: Float[Tensor, "k c"],
    beta: Float[Tensor, "k c"],
) -> Float[Tensor, "b c h w"]:
    """Instance norm, then for each pixel the scale 1 + gamma and the shift of its label, looked up in two tables.

    It is SPADE with kernels of one pixel, and SPADE of any kernel in the middle of a large region.

    Raises:
        ValueError: where a label has no row in the tables.

    Source: CLADE (Tan et al. 2021). Equation: eq-class-adaptive. Book: sec-conditional-normalization.
    """
    if labels.numel() and not (0 <= int(labels.min()) and int(labels.max()) < len(gamma)):
        raise ValueError(f"labels are {int(labels.min())} to {int(labels.max())}: expected 0 to {len(gamma) - 1}")
    scale, shift = (table[labels].movedim(-1, 1) for table in (gamma, beta))
    return modulate(standardize(x, (2, 3)), scale, shift)


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm with a scale and a shift for each class; both start at no change.

    Args:
        features: channels of the activation.
        classes: number of classes.

    Source: Dumoulin et al. 2017, whose table of styles stands behind instance norm; de Vries et al. 2017 modulate batch
    norm, from a question. Equation: eq-conditional-batch-norm.
    Book: sec-conditional-normalization.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(features, affine=False)
        self.gamma, self.beta = nn.Embedding(classes, features), nn.Embedding(classes, features)
        nn.init.zeros_(self.gamma.weight)
        nn.init.zeros_(self.beta.weight)

    def forward(self, x: Float[Tensor, "b c h w"], labels: Int[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
        """The normalized activation, modulated for the class of each sample.

        Raises:
            ValueError: where a label is not one of the classes.
        """
        classes = self.gamma.num_embeddings
        if len(labels) and not (0 <= int(labels.min()) and int(labels.max()) < classes):
            raise ValueError(f"labels are {labels.tolist()}: expected 0 to {classes - 1}")
        gamma, beta = (table(labels)[:, :, None, None] for table in (self.gamma, self.beta))
        return modulate(self.param_free_norm(x), gamma, beta)
