"""Records of tensors that share their first dimension, the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """Base of frozen dataclasses whose fields are tensors [b ...], or such records again.

    Book: sec-world.
    """

    def tensors(self) -> dict[str, Any]:
        """The fields by name, for saving and comparing."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def __getitem__(self, rows: slice | Tensor | list[int]) -> Self:
        """Some examples of the batch, as a batch."""
        return replace(self, **{name: value[rows] for name, value in self.tensors().items()})

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """The same batch on another device."""
        moved = {name: value.to(device, non_blocking=non_blocking) for name, value in self.tensors().items()}
        return replace(self, **moved)

    def pin_memory(self) -> Self:
        """The same batch in memory that a GPU copies from without waiting; data loaders ask for it by this name."""
        return replace(self, **{name: value.pin_memory() for name, value in self.tensors().items()})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Several batches of tensors as one.

        Raises:
            ValueError: for no batches.
        """
        if not parts:
            raise ValueError("expected at least one batch, found none")
        return cls(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)})
