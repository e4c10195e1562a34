"""Complete scenes: who wears what, how, and where. Example i of a split is a function of (seed, split, i)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.parameters import CATEGORIES, DRESS, LOWER, UPPER, Body, Garment, Pose, Setting
from vtonlib.data.sampling import (
    framed,
    sample_bodies,
    sample_garments,
    sample_outfits,
    sample_poses,
    sample_settings,
)
from vtonlib.data.source import SPLITS, Split, as_indices
from vtonlib.records import BatchRecord

CYCLE = (UPPER, UPPER, LOWER, UPPER, DRESS, UPPER, UPPER, UPPER)
"""Category of example i: ``CYCLE[i % 8]``; so example i + 8 has the same one, and its garment suits the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene(BatchRecord):
    """A batch of complete scenes: who, how, what and where."""

    index: Int[Tensor, " b"]
    """Number of the example in its split."""
    body: Body
    """Who."""
    pose: Pose
    """How they stand."""
    garment: Garment
    """The garment to try on."""
    outfit: Garment
    """The plain garment worn with it; its category is upper where the garment's is lower. None with a dress."""
    setting: Setting
    """Where."""

    def wearing(self, garment: Garment) -> Scene:
        """The same persons, poses, outfits and settings in another garment of the same category.

        Raises:
            ValueError: where the category differs: the rest of the outfit would not go with it.
        """
        if len(garment.category) != len(self) or not torch.equal(garment.category, self.garment.category):
            raise ValueError(
                f"the garments' categories are {garment.category.tolist()}, the scenes need "
                f"{self.garment.category.tolist()} ({', '.join(f'{i} {c}' for i, c in enumerate(CATEGORIES))})"
            )
        return replace(self, garment=garment)


def identities(indices: Int[Tensor, " b"], split: Split) -> Int[Tensor, " b"]:
    """Numbers of the bodies and garments of these examples: no two splits share one.

    Raises:
        ValueError: for an unknown split, or indices that are no whole numbers in [0, 2^40).
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}")
    indices = as_indices(indices)
    if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= 1 << 40):
        raise ValueError(f"indices must lie in [0, 2^40), found {int(indices.min())} to {int(indices.max())}")
    return indices + (SPLITS.index(split) << 40)


def category_of(indices: Int[Tensor, " b"]) -> Int[Tensor, " b"]:
    """What kind of garment each example is about."""
    return torch.tensor(CYCLE, device=indices.device)[indices % len(CYCLE)]


def sample_scenes(indices: Int[Tensor, " b"], config: DataConfig, *, split: Split) -> Scene:
    """The scenes of these examples; example i is a function of (config.seed, split, i) alone.

    ``config.laid`` changes how garments lie in their own pictures, and nothing of the scene.

    Book: sec-world.
    """
    identity = identities(indices, split)
    category = category_of(indices)
    return Scene(
        index=indices.long(),
        body=sample_bodies(identity, config.seed),
        pose=framed(sample_poses(identity, config.seed), category),
        garment=sample_garments(identity, category, config.seed, config.laid),
        outfit=sample_outfits(identity, category, config.seed),
        setting=sample_settings(identity, category, config.seed, street=split == "cross"),
    )
