"""What has to be known about released weights to load them into a module of this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from torch import Tensor, nn


def _none(state_dict: Mapping[str, Tensor]) -> Set[str]:
    return frozenset()


class Release(NamedTuple):
    """How the state dict of one official release becomes one of our modules."""

    build: Callable[[Mapping[str, Tensor]], nn.Module]
    """The untrained module; its sizes are inferred from the official tensors, under the official keys."""
    rename: Callable[[str], str]
    """Official key -> key of our module's state dict."""
    unused: Callable[[Mapping[str, Tensor]], Set[str]] = _none
    """The official keys that the official network never reads, and ours does not have."""
