"""What the released Leffa computed on tiny networks: the cases tests/goldens/leffa_*."""

from __future__ import annotations

import gzip
import json
from typing import Any

import torch
from stable_viton_goldens import GOLDENS, tensors
from torch import Tensor

from vtonlib.models.leffa import LeffaUNet
from vtonlib.official import load

TINY: dict[str, tuple[str, dict[str, Any], str]] = {
    "sd": ("leffa_try_on", {"num_attention_heads": 4, "norm_num_groups": 8}, "down_blocks.0"),
    "xl": ("leffa_pose", {"num_attention_heads": (1, 2), "norm_num_groups": 8}, "down_blocks.1"),
}
"""Release, what its tensors do not tell, and the level whose first transformer block was kept; by network."""


def tiny_model(network: str) -> LeffaUNet:
    """The pair ``sd`` (16 and 32 channels) or ``xl`` (16 and 16; one and two transformer blocks)."""
    release, options, _ = TINY[network]
    model = load(release, tensors(f"leffa_{network}_state"), **options)
    assert isinstance(model, LeffaUNet)
    return model


def given(network: str) -> tuple[Tensor, Tensor, Tensor]:
    """Input of the painting UNet, time steps, and reference."""
    golden = tensors(f"leffa_{network}_forward")
    sample = torch.cat([golden[name] for name in ("latent", "mask", "masked_latent", "densepose")], dim=1)
    return sample, golden["timestep"].expand(len(sample)), golden["ref_latent"]


def released_keys(release: str) -> dict[str, tuple[int, ...]]:
    """Every tensor of a released file: name and shape."""
    listed: dict[str, dict[str, list[int]]] = json.loads(gzip.decompress((GOLDENS / "leffa_keys.json.gz").read_bytes()))
    return {key: tuple(shape) for key, shape in listed[release].items()}
