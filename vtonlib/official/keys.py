"""What the keys of the generators of SPADE and VITON-HD have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from vtonlib.models.normalization import from_hook_key

BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")
"""The official names of a generator's residual blocks, coarsest first."""


def rename_generator_key(key: str) -> str:
    """Our key for an official one: blocks by number, the modulation by its own name, spectral norm parametrized."""
    head, _, rest = key.partition(".")
    if head in BLOCKS:
        key = f"blocks.{BLOCKS.index(head)}.{rest}"
    key = re.sub(r"\b(?:mlp|conv)_(shared|gamma|beta)\.(?:0\.)?", r"modulation.\1.", key)
    return from_hook_key(key)


def weight(state_dict: Mapping[str, Tensor], key: str) -> Tensor:
    """The weight ``key`` that sizes are inferred from, spectrally normalized or not.

    Raises:
        KeyError: where the state dict has neither.
    """
    hooked = f"{key}_orig"
    return state_dict[hooked if hooked in state_dict else key]
