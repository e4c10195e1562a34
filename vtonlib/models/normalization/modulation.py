"""From a label map to a scale and a shift for every pixel: the part that SPADE and ALIAS normalization share."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Modulation(NamedTuple):
    """What ``modulate`` applies to a normalized activation."""

    gamma: Float[Tensor, "b c h w"]
    beta: Float[Tensor, "b c h w"]


def resize_labels(labels: Float[Tensor, "b k h w"], height: int, width: int) -> Float[Tensor, "b k H W"]:
    """Another size without new values: row i of the result is row floor(i * h / H) of ``labels``, columns likewise."""
    return labels if labels.shape[-2:] == (height, width) else F.interpolate(labels, (height, width), mode="nearest")


class LabelModulation(nn.Module):
    """Two convolutions, one hidden layer in between: label map -> gamma, beta. It sees 5x5 labels around a pixel.

    Args:
        features: channels of the activation to modulate.
        label_channels: channels of the label map.
        hidden: width of the hidden layer.

    Source: SPADE, appendix A. Book: sec-conditional-normalization.
    """

    def __init__(self, features: int, label_channels: int, hidden: int = 128) -> None:
        super().__init__()
        self.label_channels = label_channels
        self.shared = nn.Conv2d(label_channels, hidden, 3, padding=1)
        self.gamma = nn.Conv2d(hidden, features, 3, padding=1)
        self.beta = nn.Conv2d(hidden, features, 3, padding=1)

    def forward(self, labels: Float[Tensor, "b k H W"], height: int, width: int) -> Modulation:
        """Gamma and beta for an activation of ``height`` x ``width``; a label map of another size is resized.

        Raises:
            ValueError: where the label map has other channels than announced, or is not of floats.
        """
        if labels.ndim != 4 or labels.shape[1] != self.label_channels:
            raise ValueError(f"labels are {tuple(labels.shape)}: expected {self.label_channels} channels, [b k h w]")
        if not labels.is_floating_point():
            raise ValueError(
                f"labels are {labels.dtype}: expected floats, such as one_hot(...).float()"
            )
        hidden = F.relu(self.shared(resize_labels(labels, height, width)))
        return Modulation(self.gamma(hidden), self.beta(hidden))
