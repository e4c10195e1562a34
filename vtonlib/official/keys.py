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
    key = re.sub(r"\.(?:mlp|conv)_(shared\.0|gamma|beta)\.", lambda m: f".modulation.{m[1].split('.')[0]}.", key)
    return from_hook_key(key)


def weight(state_dict: Mapping[str, Tensor], key: str) -> Tensor:
    """The weight ``key`` that sizes are inferred from, be it spectrally normalized or not.

    Raises:
        ValueError: where the state dict has neither.
    """
    for name in (key, f"{key}_orig"):
        if name in state_dict:
            return state_dict[name]
    raise ValueError(f"the state dict has no '{key}': its sizes cannot be inferred; its keys start {_start(state_dict)}")


def _start(state_dict: Mapping[str, Tensor]) -> str:
    return ", ".join([*state_dict][:3]) or "nowhere, for it is empty"
