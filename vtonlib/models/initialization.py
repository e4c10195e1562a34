"""How weights start: Xavier-normal for the GANs, zero for what a trained network must not notice at first."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrize


@torch.no_grad()
def init_xavier(module: nn.Module, gain: float = 0.02) -> None:
    """Xavier-normal weights and zero biases for every convolution and linear layer within ``module``, in place.

    Under spectral norm the stored weight is set, and its singular vectors are found anew.

    Source: released code of SPADE and VITON-HD, whose option for the gain is called a variance.
    Book: sec-alias-generator.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            weight = torch.empty_like(layer.weight)
            nn.init.xavier_normal_(weight, gain)
            if parametrize.is_parametrized(layer, "weight"):
                layer.weight = weight  # type: ignore[assignment]  # by way of the parametrization's right_inverse
            else:
                layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.zero_()


def zero_module(module: nn.Module) -> nn.Module:
    """``module`` with all parameters 0, as ControlNet's zero convolutions begin. Book: sec-zero-cross-attention."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
