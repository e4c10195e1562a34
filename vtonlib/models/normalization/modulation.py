"""From a label map to a scale and a shift for every pixel: the part that SPADE and ALIAS normalization share."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.grids import resize_nearest
from vtonlib.models.normalization.conditional import modulate
from vtonlib.models.normalization.patterns import LabelPatterns

_CHUNK = 8  # channels that are modulated at a time where no gradient is recorded


class Modulation(NamedTuple):
    """What ``modulate`` applies to a normalized activation."""

    gamma: Float[Tensor, "b c h w"]
    """Scale; the activation is multiplied by 1 + gamma."""
    beta: Float[Tensor, "b c h w"]
    """Shift, added afterwards."""


class LabelModulation(nn.Module):
    """Two convolutions, one hidden layer in between: label map -> gamma, beta. It sees 5x5 labels around a pixel.

    Args:
        features: channels of the activation to modulate.
        label_channels: channels of the label map.
        hidden: width of the hidden layer.
        kernel_size: side of the convolutions' kernels, an odd number; with 1 a pixel's own label is all that counts.

    Raises:
        ValueError: for an even ``kernel_size``.

    Source: SPADE, appendix A. Book: sec-conditional-normalization.
    """

    def __init__(self, features: int, label_channels: int, hidden: int = 128, kernel_size: int = 3) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}: expected an odd number")
        self.label_channels, self.kernel_size, padding = label_channels, kernel_size, kernel_size // 2
        self.shared = nn.Conv2d(label_channels, hidden, kernel_size, padding=padding)
        self.gamma = nn.Conv2d(hidden, features, kernel_size, padding=padding)
        self.beta = nn.Conv2d(hidden, features, kernel_size, padding=padding)

    def forward(self, labels: Float[Tensor, "b k H W"], height: int, width: int) -> Modulation:
        """Gamma and beta for an activation of ``height`` x ``width``; a label map of another size is resized.

        Raises:
            ValueError: where the label map has other channels than announced, or is not of floats.
        """
        self._check(labels)
        hidden = F.relu(self.shared(resize_nearest(labels, height, width)))
        return Modulation(self.gamma(hidden), self.beta(hidden))

    def apply_to(
        self, x: Float[Tensor, "b c h w"], labels: Float[Tensor, "b k H W"], patterns: LabelPatterns | None = None
    ) -> Float[Tensor, "b c h w"]:
        """``x`` modulated as ``labels`` say.

        With the ``patterns`` of these labels, at the size of ``x``, gamma and beta are computed once for each and the
        result is the same up to rounding, in a fraction of the time and, without gradients, of the memory. Patterns are
        of 5x5 labels: kernels of another size than 3 leave them aside.

        Raises:
            ValueError: as for gamma and beta themselves.
        """
        self._check(labels)
        if patterns is None or self.kernel_size != 3:
            return modulate(x, *self(labels, *x.shape[-2:]))
        gamma, beta = self.table(patterns)
        if torch.is_grad_enabled():
            return modulate(x, _spread(gamma, patterns), _spread(beta, patterns))
        result = torch.empty_like(x)
        for start in range(0, x.shape[1], _CHUNK):
            part = slice(start, start + _CHUNK)
            result[:, part] = modulate(x[:, part], _spread(gamma[part], patterns), _spread(beta[part], patterns))
        return result

    def table(self, patterns: LabelPatterns) -> tuple[Float[Tensor, "c p"], Float[Tensor, "c p"]]:
        """Gamma and beta of every pattern."""
        hidden = F.conv2d(patterns.patches, self.shared.weight, self.shared.bias).flatten(1)
        hidden = F.relu(hidden) * patterns.inside[:, None]
        around = hidden[patterns.neighbours].flatten(1)
        gamma, beta = (
            F.linear(around, conv.weight.permute(0, 2, 3, 1).flatten(1), conv.bias).mT.contiguous()
            for conv in (self.gamma, self.beta)
        )
        return gamma, beta

    def _check(self, labels: Float[Tensor, "b k H W"]) -> None:
        if labels.ndim != 4 or labels.shape[1] != self.label_channels:
            raise ValueError(f"labels are {tuple(labels.shape)}: expected {self.label_channels} channels, [b k h w]")
        if not labels.is_floating_point():
            raise ValueError(f"labels are {labels.dtype}: expected floats, such as one_hot(...).float()")


def _spread(values: Float[Tensor, "c p"], patterns: LabelPatterns) -> Float[Tensor, "b c h w"]:
    """The value of each pixel's pattern."""
    index = patterns.pattern.flatten().expand(len(values), -1)
    return values.gather(1, index).view(-1, *patterns.pattern.shape).movedim(1, 0)
