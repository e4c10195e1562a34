"""What has to be known about released weights to load them into a module of this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from torch import Tensor, nn


def _as_it_is(state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return state_dict


def _none(state_dict: Mapping[str, Tensor]) -> Set[str]:
    return frozenset()


class Release(NamedTuple):
    """How the state dict of one official release becomes one of our modules."""

    build: Callable[..., nn.Module]
    """The untrained module; its sizes are inferred from the official tensors, under the official keys. What tensors do
    not tell may be further arguments, by name."""
    rename: Callable[[str], str]
    """Official key -> key of our module's state dict."""
    unused: Callable[[Mapping[str, Tensor]], Set[str]] = _none
    """The official keys that the official network never reads, and ours does not have."""
    prepare: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = _as_it_is
    """What comes before all others: tensors of which a part is used or which have another shape, and keys whose names
    depend on how many levels there are."""


def check_weights(
    name: str, ours: Mapping[str, Tensor], official: Mapping[str, str], given: Mapping[str, Tensor]
) -> None:
    """Raise one ValueError that lists everything that does not fit.

    Args:
        name: what the weights should be.
        ours: the module's state dict.
        official: our key -> official key, of all weights that are not left out.
        given: the weights under their official keys.
    """
    shapes = [
        f"{key} is {tuple(given[key].shape)}, expected {tuple(ours[our].shape)}"
        for our, key in official.items()
        if our in ours and given[key].shape != ours[our].shape
    ]
    faults = {
        "missing keys (our names)": [our for our in ours if our not in official],
        "unexpected keys": [key for our, key in official.items() if our not in ours],
        "wrong shapes": shapes,
    }
    if any(faults.values()):
        lines = (f"{title}: {listed(found)}" for title, found in faults.items() if found)
        raise ValueError(f"these are not the weights of {name}; " + "; ".join(lines))


def listed(names: list[str]) -> str:
    """How many, and which."""
    return f"{len(names)}: {', '.join(names)}"
