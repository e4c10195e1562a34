"""Normalizations whose scale and shift come from outside the activation: from a class, or from another image."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.models.normalization.unconditional import standardize


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


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm with a scale and a shift for each class; both start at no change.

    Args:
        features: channels of the activation.
        classes: number of classes.

    Source: Dumoulin et al. 2017; de Vries et al. 2017. Equation: eq-conditional-batch-norm.
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
