"""ALIAS normalization: SPADE with learned noise before it, and with misaligned pixels standardized by themselves."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.models.normalization.mask import MaskNorm
from vtonlib.models.normalization.modulation import LabelModulation
from vtonlib.models.normalization.patterns import LabelPatterns
from vtonlib.models.normalization.spade import param_free_norm
from vtonlib.shares import drawn


def alias_noise(x: Float[Tensor, "b c h w"], generator: torch.Generator | None = None) -> Float[Tensor, "b 1 h w"]:
    """Standard normal noise, one value for each pixel of ``x``, on its device.

    It is drawn where ``generator`` lives, on the CPU for a CPU generator, so that a seed means the same everywhere.
    The draw is in the order of the released code: columns before rows.
    """
    device = generator.device if generator is not None else x.device

    def draw(count: int) -> Tensor:
        shape = (count, x.shape[3], x.shape[2], 1)
        return torch.randn(shape, generator=generator, device=device, dtype=x.dtype)

    return drawn(draw, len(x)).to(x.device).transpose(1, 3)


class ALIASNorm(nn.Module):
    """Alignment-aware segment normalization: noise, region-wise standardization, then modulation by the label map.

    Args:
        features: channels of the activation.
        label_channels: channels of the label map.
        norm: ``mask`` standardizes inside and outside of the misalignment mask apart; ``instance`` and ``batch`` know
            no mask (VITON-HD uses ``instance`` where the map is fine).
        hidden: width of the modulation's hidden layer.

    Source: VITON-HD, section 3.4. Equation: eq-alias-norm. Book: sec-mask-normalization.
    """

    def __init__(
        self,
        features: int,
        label_channels: int,
        *,
        norm: Literal["mask", "instance", "batch"] = "mask",
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.noise_scale = nn.Parameter(torch.zeros(features))
        self.param_free_norm = MaskNorm() if norm == "mask" else param_free_norm(norm, features)
        self.modulation = LabelModulation(features, label_channels, hidden)

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        labels: Float[Tensor, "b k H W"],
        misalign_mask: Float[Tensor, "b 1 h w"] | None = None,
        patterns: LabelPatterns | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """The modulated activation. The noise comes from ``generator``, or from torch's default one on x's device.

        ``patterns`` are those of the labels at x's size, where the caller has found them: they make it faster.

        Raises:
            ValueError: where a mask is missing, superfluous or of another size than ``x``, and for a label map of
                wrong channels or not of floats.
        """
        masked = isinstance(self.param_free_norm, MaskNorm)
        if masked != (misalign_mask is not None):
            raise ValueError(f"misalign_mask is {'missing' if masked else 'superfluous'} for {self.param_free_norm}")
        noisy = torch.addcmul(x, alias_noise(x, generator), self.noise_scale[:, None, None])
        normal = self.param_free_norm(noisy, *([misalign_mask] if masked else []))
        del noisy  # a whole map less in memory while the next one is made
        return self.modulation.apply_to(normal, labels, patterns)
