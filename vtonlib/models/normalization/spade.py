"""SPADE: what a normalization washes away, a label map puts back, pixel by pixel."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.models.normalization.modulation import LabelModulation
from vtonlib.models.normalization.patterns import LabelPatterns

ParamFreeNorm = Literal["instance", "batch", "sync_batch"]
_NORMS: dict[str, type[nn.Module]] = {
    "instance": nn.InstanceNorm2d,
    "batch": nn.BatchNorm2d,
    "sync_batch": nn.SyncBatchNorm,
}


def param_free_norm(name: ParamFreeNorm, features: int) -> nn.Module:
    """The normalization without parameters that ``name`` names.

    Raises:
        ValueError: for another name.
    """
    if name not in _NORMS:
        raise ValueError(f"norm is {name!r}: expected one of {', '.join(_NORMS)}")
    return _NORMS[name](features, affine=False)


class SPADE(nn.Module):
    """Spatially-adaptive normalization: normalize, then scale and shift each pixel by what the label map says there.

    Args:
        features: channels of the activation.
        label_channels: channels of the label map.
        norm: the normalization without parameters. ``sync_batch`` shares statistics between processes and is batch
            norm where there is one process.
        hidden: width of the modulation's hidden layer.
        kernel_size: side of the modulation's kernels, an odd number.

    Source: SPADE, equations 1 to 3. Equation: eq-spade. Book: sec-conditional-normalization.
    """

    def __init__(
        self,
        features: int,
        label_channels: int,
        *,
        norm: ParamFreeNorm = "instance",
        hidden: int = 128,
        kernel_size: int = 3,
    ) -> None:
        super().__init__()
        self.param_free_norm = param_free_norm(norm, features)
        self.modulation = LabelModulation(features, label_channels, hidden, kernel_size)

    def forward(
        self, x: Float[Tensor, "b c h w"], labels: Float[Tensor, "b k H W"], patterns: LabelPatterns | None = None
    ) -> Float[Tensor, "b c h w"]:
        """The modulated activation; a label map of another size is resized to that of ``x``, nearest.

        ``patterns`` are those of the resized labels, where the caller has found them: they make it faster.

        Raises:
            ValueError: for a label map of wrong channels or not of floats, and for one pixel under instance norm.
        """
        return self.modulation.apply_to(self.param_free_norm(x), labels, patterns)
