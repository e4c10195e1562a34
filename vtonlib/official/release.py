"""What has to be known about released weights to load them into a module of this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor, nn


class Release(NamedTuple):
    """How the state dict of one official release becomes one of our modules."""

    build: Callable[[Mapping[str, Tensor]], nn.Module]
    """The untrained module; its sizes are inferred from the official tensors, under the official keys."""
    rename: Callable[[str], str]
    """Official key -> key of our module's state dict."""
