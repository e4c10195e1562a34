"""A folder of VITON-HD, DressCode, DeepFashion or persons alone as a source of examples."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.absent import lacking
from vtonlib.data.folders.example import Example, aspect_problem, load_example
from vtonlib.data.folders.files import lies_at
from vtonlib.data.folders.layout import UNKNOWN_LABEL, Array, FileSet
from vtonlib.data.folders.layouts import at, garments_at, other_use, persons_alone
from vtonlib.data.folders.lists import index_folder
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.rows import Pair
from vtonlib.data.folders.sense import own_garments
from vtonlib.data.source import Indices, Split, as_indices

WORN = frozenset({"garment_region", "warped_garment", "misalign_mask", "flow"})
"""What a photograph tells about the garment worn in it, and about no other."""
CACHE_BYTES = 2**30
"""How much of a folder a :class:`Folder` keeps in memory once it is read: 10,000 examples of 64x48."""


def to_images(pixels: Array) -> Float[Tensor, "b 3 h w"]:
    """Bytes [b h w 3] as images in [-1, 1]."""
    return torch.from_numpy(pixels).movedim(-1, 1).contiguous().float() / 127.5 - 1


def to_masks(pixels: Array) -> Float[Tensor, "b 1 h w"]:
    """Bytes [b h w] as masks in [0, 1]."""
    return torch.from_numpy(pixels)[:, None].float() / 255


def hide(agnostic: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 3 h w"]:
    """The agnostic image with nothing left inside the mask: no value further from grey (0) than the mask allows.

    StableVITON composes ``agnostic (1 - mask)`` once more, which darkens soft edges that are composed already. This
    equals it for binary masks, and leaves an image alone that is composed right.

    Equation: eq-nothing-hidden-shows. Book: sec-folders.
    """
    return torch.clamp(agnostic, mask - 1, 1 - mask)


def to_one_hot(labels: Array) -> Float[Tensor, "b k h w"]:
    """Labels [b h w] as one channel per entry of ``PARSE_LABELS``; all zero where the label is unknown."""
    channels = torch.arange(len(PARSE_LABELS), dtype=torch.uint8)[None, :, None, None]
    return (torch.from_numpy(labels)[:, None] == channels).float()


class Folder:
    """A folder of VITON-HD, DressCode, DeepFashion or persons alone, at any resolution: a ``TryOnSource``.

    Args:
        root: The folder. :mod:`~vtonlib.data.folders.viton_hd`, :mod:`~vtonlib.data.folders.dresscode`,
            :mod:`~vtonlib.data.folders.deepfashion` and :mod:`~vtonlib.data.folders.persons` draw it. One category of
            DressCode is a root, too.
        config: Its ``height`` and ``width`` are the size of the examples. Stored images may have any size of the same
            ratio; images are resized bilinearly and anti-aliased, masks by area (they stay soft at their edges),
            parse maps by the nearest pixel, flows by :func:`vtonlib.grids.resize_flow`. Its ``layout`` is the folder's,
            or "auto": recognised by what lies there.
        preset: What is to be trained from it, if anything, or "evaluate PRESET": the files that it needs must
            be there.

    The lists and folders are judged here, the files of an example when it is read: by the same rules as
    :func:`check_folder`, and nothing is half-read. What was read is kept in memory, up to ``CACHE_BYTES``.

    Where a folder lacks an optional file, the field is made of others (:mod:`~vtonlib.data.folders.made`), or says
    "unknown": ``parse`` is zero, ``keypoints`` NaN, ``flow_mask`` and ``flow`` zero, ``garment_region`` empty,
    ``warped_garment`` white: a warp that shows nothing, so that ``misalign_mask`` is all of ``garment_region``. In pose
    transfer the warp is the reference as it is.

    Raises:
        FolderError: if no layout, or more than one, is recognised; if ``config.reference`` asks for garments and the
            layout is one of pose transfer, or the other way round; names the first file at fault, what was found and
            expected, and a remedy.

    Book: sec-folders.
    """

    def __init__(self, root: str | Path, config: DataConfig, *, preset: str = "") -> None:
        self.root, self.layout = at(Path(root), config.layout)
        self.preset = preset
        if (config.reference == "person") != self.layout.transfers_pose:
            raise FolderError(other_use(self.root, self.layout))
        self.height, self.width = config.height, config.width
        self._splits, problems = index_folder(self.root, self.layout, preset)
        problems += [problem for index in self._splits.values() for problem in index.problems]
        problems += lacking(self.root, self.layout, self._splits, preset) if preset else []
        if problems:
            raise FolderError(*dict.fromkeys(problems))
        self._garments = garments_at(self.root, self.layout)
        self._cache: dict[tuple[str, str, str], Example] = {}
        self._cached_bytes = 0
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def pairs(self, split: Split) -> tuple[Pair, ...]:
        """The persons of a split, in order, with the garments of the unpaired task: example i is line i of its list.

        Names of DressCode begin with the category; the categories come in turn.

        Raises:
            FolderError: if the folder has no such split.
        """
        if split not in self.layout.lists:
            raise FolderError(persons_alone(self.root, f"examples of the split '{split}'"))
        if split not in self._splits:
            remedy = "Use another split, or add the list" + f" and {split}/" * (not self.layout.shares_pictures)
            path = self._list(split)
            raise FolderError(
                Problem(path, "no pairs" if lies_at(path) else "nothing", f"a list for the split '{split}'", remedy)
            )
        return self._splits[split].pairs

    def _list(self, split: Split) -> Path:
        return self.layout.list_path(self.root, split, self.layout.sections[0])

    def size(self, split: Split) -> int:
        """The number of examples of a split."""
        return len(self.pairs(split))

    def paired(self, split: Split, indices: Indices) -> TryOnBatch:
        """Examples whose garment is the one the person wears; in pose transfer: the reference that the list gives.

        Raises:
            FolderError: if a file is missing or at fault; of persons alone.
            IndexError: if an index lies outside the split.
            ValueError: if the indices are no whole numbers.
        """
        indices = as_indices(indices)
        if self.layout.persons_only:
            raise FolderError(persons_alone(self.root, "garments that are worn (paired examples)"))
        names = [pair.person for pair in self._rows(split, indices)]
        own = [self._splits[split].own[i] for i in indices.tolist()]
        return self._batch(
            self._load(split, names, self.layout.persons), self._load(split, own, self._garments[1].garments), indices
        )

    def unpaired(self, split: Split, indices: Indices) -> TryOnBatch:
        """The same persons with the garments of the list (of ``*_pairs_unpaired``, if there is one).

        ``person`` is the photograph, in the garment it shows, and so is ``parse``: what the person would look like in
        the other one no folder knows. ``garment_region``, ``misalign_mask`` and ``flow_mask`` are empty.

        Raises:
            FolderError: if a file is missing or at fault, or if the list gives everyone their own garment.
            IndexError: if an index lies outside the split.
            ValueError: if the indices are no whole numbers.
        """
        self.pairs(split)
        if problem := own_garments(self.root, self.layout, split, self._splits[split].pairs, self._splits[split].own):
            raise FolderError(problem)
        indices = as_indices(indices)
        rows = self._rows(split, indices)
        persons = [_without(WORN, e) for e in self._load(split, [pair.person for pair in rows], self.layout.persons)]
        garments = self._load(split, [pair.garment for pair in rows], self._garments[1].garments)
        return self._batch(persons, garments, indices)

    def _rows(self, split: Split, indices: Int[Tensor, " b"]) -> list[Pair]:
        pairs = self.pairs(split)
        outside = [i for i in indices.tolist() if not 0 <= i < len(pairs)]
        if outside:
            raise IndexError(f"{self._list(split)}: found {len(pairs)} pairs, expected one numbered {outside[0]}")
        return [pairs[i] for i in indices.tolist()]

    def _load(self, split: Split, names: list[str], files: FileSet) -> list[Example]:
        pool = self._pools.get(os.getpid())
        if pool is None:  # a data loader's worker is a copy of this process, but for its threads
            pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="folder")
            self._pools = {os.getpid(): pool}
        return list(pool.map(lambda name: self._cached(split, name, files), names))

    def _cached(self, split: Split, name: str, files: FileSet) -> Example:
        key = (split, name, files.parts[0].field)
        if key in self._cache:
            return self._cache[key]
        example = self._read(split, name, files)
        size = sum(array.nbytes for array in example.arrays.values())
        if self._cached_bytes + size <= CACHE_BYTES:  # nothing is evicted: epochs read in cycles
            self._cache[key] = example
            self._cached_bytes += size
        return example

    def _read(self, split: Split, name: str, files: FileSet) -> Example:
        size = (self.width, self.height)
        root, layout = (self.root, self.layout) if files is self.layout.persons else self._garments
        example = load_example(root, layout, split, name, files, size=size, preset=self.preset)
        if example.problems:
            raise FolderError(*example.problems)
        first = files.parts[0].field
        whose, remedy = "data.height / data.width", "Set them to the ratio of the images, or crop or pad the images"
        if problem := aspect_problem(example.paths[first], example.sizes[first], size, whose, remedy):
            raise FolderError(problem)
        return example

    def _batch(self, persons: list[Example], garments: list[Example], indices: Int[Tensor, " b"]) -> TryOnBatch:
        shape = (self.height, self.width)

        def stack(examples: list[Example], field: str, unknown: Array) -> Array:
            return np.stack([example.arrays.get(field, unknown) for example in examples])

        white, black = np.full((*shape, 3), 255, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
        mask = to_masks(stack(persons, "agnostic_mask", black))
        region = stack(persons, "garment_region", black)
        misalign = np.stack([e.arrays.get("misalign_mask", r) for e, r in zip(persons, region, strict=True)])
        warped, cover = stack(persons, "warped_garment", white), stack(garments, "garment_mask", black)
        if self.layout.transfers_pose:
            warped, misalign = stack(garments, "garment", white), np.minimum(region, 255 - cover)
        flow = torch.from_numpy(stack(persons, "flow", np.zeros((*shape, 3), dtype=np.float32)))
        return TryOnBatch(
            person=to_images(stack(persons, "person", white)),
            garment=to_images(stack(garments, "garment", white)),
            garment_mask=to_masks(cover),
            agnostic=hide(to_images(stack(persons, "agnostic", white)), mask),
            agnostic_mask=mask,
            dense_pose=to_images(stack(persons, "dense_pose", white)),
            keypoints=torch.stack([_joints(example) for example in persons]),
            parse=to_one_hot(stack(persons, "parse", np.full(shape, UNKNOWN_LABEL, dtype=np.uint8))),
            garment_region=to_masks(region),
            flow=flow[..., :2].contiguous(),
            flow_mask=flow[..., 2:].movedim(-1, 1).contiguous(),
            warped_garment=to_images(warped),
            misalign_mask=to_masks(misalign),
            index=indices,
        )


def _joints(example: Example) -> Float[Tensor, "j 2"]:
    """Keypoints from pixels of the stored image to [-1, 1]; NaN where unknown."""
    if "keypoints" not in example.arrays:
        return torch.full((len(KEYPOINTS), 2), torch.nan)
    sides = torch.tensor(example.sizes["person"], dtype=torch.float32)
    return 2 * torch.from_numpy(example.arrays["keypoints"]) / (sides - 1) - 1


def _without(fields: frozenset[str], example: Example) -> Example:
    """The example as if it lacked the files of some fields."""
    return replace(example, arrays={name: array for name, array in example.arrays.items() if name not in fields})
