"""Two domains of pictures in which what must change is known: people in plain tops, other people in patterned ones.

Nobody of the one domain occurs in the other, so what is learned from them is unpaired translation. The world also has
the picture that nobody is shown while learning: the same person in the same top with the pattern on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parameters import UPPER
from vtonlib.data.render import render
from vtonlib.data.scene import CYCLE
from vtonlib.data.source import Indices, Split, TryOnSource, as_indices
from vtonlib.data.textures import PLAIN, TEXTURES
from vtonlib.data.world import World
from vtonlib.records import BatchRecord

Pattern = Literal["stripes", "checks", "dots"]
"""What the tops of the target domain show."""
LEVEL = 0.5
"""Factor of the garments' angles, which leaves only level stripes of the world's: level, upright and slanting."""
TOPS = tuple(place for place, category in enumerate(CYCLE) if category == UPPER)
"""Places in :data:`~vtonlib.data.scene.CYCLE` of the world's examples that are about tops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpairedBatch(BatchRecord):
    """Pictures of both domains, in [-1, 1], of different people; row i of the one has nothing to do with row i of the
    other.

    Book: sec-query-selection.
    """

    source: Float[Tensor, "b 3 h w"]
    """People in plain tops: what is translated."""
    target: Float[Tensor, "b 3 h w"]
    """Other people, in patterned tops: what the translations should look like."""
    source_region: Float[Tensor, "b 1 h w"]
    """Where the plain top is visible, 1 = inside: what must change. Known for scores; no loss may read it."""
    target_region: Float[Tensor, "b 1 h w"]
    """Where the patterned top is visible."""
    index: Int[Tensor, " b"]
    """The world's number of the source's example."""
    target_index: Int[Tensor, " b"]
    """The world's number of the target's example."""


class Domains:
    """The two domains as a source of unpaired examples: the even-numbered tops of a split are plain, the odd patterned.

    All other clothes are plain in both domains, and faces, poses and backdrops are distributed alike: a translation
    that changes anything but the top has changed too much.

    Args:
        world: where people and garments come from.
        pattern: what the target's tops show. Its size and colours vary as in the world; stripes are level, all of them,
            so that a small network can learn to draw them in minutes.

    Raises:
        ValueError: for a source that is not the world, or an unknown pattern.

    Book: sec-query-selection.
    """

    def __init__(self, world: TryOnSource, pattern: Pattern = "stripes") -> None:
        if not isinstance(world, World):
            raise ValueError("data.root: the two domains exist in the procedural world alone; leave data.root empty")
        if pattern not in get_args(Pattern):
            raise ValueError(f"pattern is {pattern!r}: expected one of {', '.join(get_args(Pattern))}")
        self.world, self.pattern = world, pattern

    def size(self, split: Split) -> int:
        """The number of examples of a split, each of a person of either domain."""
        return self.world.size(split) // len(CYCLE) * len(TOPS) // 2

    def paired(self, split: Split, indices: Indices) -> UnpairedBatch:
        """Examples of both domains; they are called paired for :class:`~vtonlib.data.source.TrainingSource` alone.

        Raises:
            ValueError: for an unknown split, or indices that are no whole numbers within it.
        """
        index, target_index = self._numbers(split, indices)
        source, target = self._dressed(split, index, "plain"), self._dressed(split, target_index, self.pattern)
        return UnpairedBatch(
            source=source.person,
            target=target.person,
            source_region=source.garment_region,
            target_region=target.garment_region,
            index=index,
            target_index=target_index,
        )

    def counterfactual(self, split: Split, indices: Indices) -> Float[Tensor, "b 3 h w"]:
        """The source's people with the pattern on their tops: one true translation, for scores alone.

        Nothing says which size of the pattern is asked for, so no translation can be expected to equal it.

        Raises:
            ValueError: as :meth:`paired`.
        """
        return self._dressed(split, self._numbers(split, indices)[0], self.pattern).person

    def _numbers(self, split: Split, indices: Indices) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"]]:
        """The world's numbers of sources and targets."""
        indices, size = as_indices(indices), self.size(split)
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= size):
            found = f"{int(indices.min())} to {int(indices.max())}"
            raise ValueError(f"indices of {split} must lie in [0, {size}), found {found}")
        places = torch.tensor(TOPS, device=indices.device)
        tops = [2 * indices + domain for domain in range(2)]
        source, target = (len(CYCLE) * (top // len(TOPS)) + places[top % len(TOPS)] for top in tops)
        return source, target

    def _dressed(self, split: Split, numbers: Int[Tensor, " b"], texture: str) -> TryOnBatch:
        """The world's examples in their own garments, but of this texture."""
        scenes = self.world.scenes(split, numbers)
        number = PLAIN if texture == "plain" else list(TEXTURES).index(texture)
        worn = scenes.garment
        garment = replace(worn, texture=torch.full_like(worn.texture, number), angle=LEVEL * worn.angle)
        return render(scenes.wearing(garment), self.world.config.height, self.world.config.width)
