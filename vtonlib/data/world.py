"""The procedural try-on world as a source of examples: nothing to download, and every truth known."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.render import render
from vtonlib.data.scene import CYCLE, Scene, sample_scenes
from vtonlib.data.source import SPLITS, Indices, Split, as_indices


class World:
    """People trying on garments, as a :class:`TryOnSource`.

    Example i of a split is a function of (config.seed, split, i). No two splits share a body or a garment. Garments
    laid anyhow (``config.laid``) are the same garments on the same persons, but for the fewer pixels that show them.

    Book: sec-world.
    """

    def __init__(
        self,
        config: DataConfig,
        *,
        train_size: int = 1_000_000,
        test_size: int = 10_000,
        device: torch.device | str = "cpu",
    ) -> None:
        """Sizes are numbers of examples; ``test_size`` holds for test and cross.

        Raises:
            ValueError: for images smaller than 16 pixels, or a split of fewer than 16 examples.
        """
        if config.height < 16 or config.width < 16:
            raise ValueError(f"images must be at least 16 pixels high and wide, found {config.height}x{config.width}")
        for name, size in (("train_size", train_size), ("test_size", test_size)):
            if size < 2 * len(CYCLE):
                raise ValueError(f"{name} is {size}; at least {2 * len(CYCLE)} examples are needed to pair garments")
        self.config, self.device = config, torch.device(device)
        self._sizes: dict[Split, int] = {"train": train_size, "test": test_size, "cross": test_size}

    def size(self, split: Split) -> int:
        """The number of examples of a split."""
        if split not in self._sizes:
            raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}")
        return self._sizes[split]

    def partner(self, split: Split, indices: Indices) -> Int[Tensor, " b"]:
        """The examples whose garments these persons try on in the unpaired setting: of the same category."""
        indices, cycle, size = as_indices(indices), len(CYCLE), self.size(split)
        return torch.where(indices + cycle < size, indices + cycle, indices % cycle)

    def scenes(self, split: Split, indices: Indices) -> Scene:
        """The scenes of these examples, on the world's device.

        Raises:
            ValueError: for an unknown split, or indices that are no whole numbers within it.
        """
        indices, size = as_indices(indices), self.size(split)
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= size):
            raise ValueError(
                f"indices of {split} must lie in [0, {size}), found {int(indices.min())} to {int(indices.max())}"
            )
        return sample_scenes(indices.to(self.device), self.config, split=split)

    def paired(self, split: Split, indices: Indices) -> TryOnBatch:
        """Persons in the garments that are to be tried on."""
        return render(self.scenes(split, indices), self.config.height, self.config.width)

    def unpaired(self, split: Split, indices: Indices) -> TryOnBatch:
        """The same persons in another garment: ``person`` and every truth show them wearing it."""
        return self.dressed(split, indices, self.partner(split, indices))

    def dressed(self, split: Split, persons: Indices, garments: Indices) -> TryOnBatch:
        """The persons of some examples in the garments of others of the same categories; all truth is of these.

        Raises:
            ValueError: where a garment is of another category than the person's, or an index is none of the split's.
        """
        garment = self.scenes(split, garments).garment
        return render(self.scenes(split, persons).wearing(garment), self.config.height, self.config.width)
