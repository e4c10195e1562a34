"""Write examples of any source as a folder in the layout of VITON-HD."""

from __future__ import annotations

import colorsys
import io
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import safetensors.numpy
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.layout import BODY_25, CIHP_LABELS, GARMENT_PARTS, PERSON_PARTS, FolderError, Part, Problem
from vtonlib.data.folders.lists import list_path
from vtonlib.data.source import Split, TryOnSource, ordered_batches

ImageFormat = Literal["png", "jpg"]
BATCH = 32
PALETTE = [
    round(255 * channel)
    for label in range(21)
    for channel in colorsys.hsv_to_rgb(label * 0.381966 % 1, 0.7, 0.9 * (label > 0))
]
"""Colours of a parse map, for looking at it; the labels are the palette's numbers."""


def write_folder(
    source: TryOnSource,
    root: str | Path,
    *,
    train: int,
    test: int,
    cross: int = 0,
    image_format: ImageFormat = "png",
    progress: bool = False,
) -> None:
    """The first examples of each split of ``source`` as a folder that :class:`Folder` (and StableVITON) reads.

    Example i is named ``00000i_00``; its garment has the same name in ``cloth/``, and in ``test/`` and ``cross/`` the
    garment of the unpaired task is ``00000i_01``. As in VITON-HD, ``train_pairs.txt`` gives everyone their own garment
    and ``test_pairs.txt`` the other one. What the source does not know of an example (correspondence, warp, parse,
    keypoints) gets no file. A large data set is shrunk once and for all by writing a :class:`Folder` of it anew.

    Args:
        source: The procedural world, or another folder.
        root: Must not exist, or be empty.
        train, test, cross: Numbers of examples; 0 leaves the split out.
        image_format: ``png`` keeps every byte; ``jpg`` (quality 95) is what VITON-HD has and its loaders expect.
        progress: Show a progress bar.

    Raises:
        FolderError: if something lies at ``root`` already.
        ValueError: if the source has fewer examples.

    Nothing appears at ``root`` before all of it is written. Book: sec-folders.
    """
    root = Path(root)
    counts = _counts(source, {"train": train, "test": test, "cross": cross})
    with _new_folder(root) as folder, tqdm(total=sum(counts.values()), desc="write", disable=not progress) as bar:
        for split, count in counts.items():
            _write_split(source, folder, split, count, image_format, bar)


def _counts(source: TryOnSource, wanted: dict[Split, int]) -> dict[Split, int]:
    """The splits to write and their numbers of examples, which ``source`` has."""
    counts = {split: count for split, count in wanted.items() if count}
    for split, count in counts.items():
        has = source.size(split)
        if not 0 < count <= has:
            raise ValueError(f"{split}={count}: expected 0 to {has}, the number of examples of the split")
    if not counts:
        raise ValueError("train, test and cross are all 0: expected at least one example")
    return counts


@contextmanager
def _new_folder(root: Path) -> Iterator[Path]:
    """A temporary folder beside ``root`` that becomes ``root`` when the block ends, and vanishes if it fails."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        found = "files" if root.is_dir() else "a file"
        raise FolderError(Problem(root, found, "nothing, or an empty folder", "Name another folder, or move this away"))
    root.parent.mkdir(parents=True, exist_ok=True)
    folder = root.with_name(f".{root.name}.{uuid.uuid4().hex[:8]}.tmp")
    folder.mkdir()
    try:
        yield folder
        if root.exists():
            root.rmdir()
        os.replace(folder, root)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_split(
    source: TryOnSource, folder: Path, split: Split, count: int, image_format: ImageFormat, bar: tqdm
) -> None:
    own_only = split == "train"
    unpaired = None if own_only else ordered_batches(source, split, count=count, batch_size=BATCH, unpaired=True)
    lines: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        for batch in ordered_batches(source, split, count=count, batch_size=BATCH):
            batch = batch.to("cpu")
            first = len(lines)
            names = [f"{first + row:06d}_00.{image_format}" for row in range(len(batch))]
            others = [name.replace("_00.", "_00." if own_only else "_01.") for name in names]
            lines += [f"{name} {other}\n" for name, other in zip(names, others, strict=True)]
            _write_batch(pool, folder / split, batch, names, (*PERSON_PARTS, *GARMENT_PARTS))
            if unpaired:
                _write_batch(pool, folder / split, next(unpaired).to("cpu"), others, GARMENT_PARTS)
            bar.update(len(batch))
    list_path(folder, split).write_text("".join(lines), encoding="utf-8", newline="\n")


def _write_batch(
    pool: ThreadPoolExecutor, folder: Path, batch: TryOnBatch, names: list[str], parts: tuple[Part, ...]
) -> None:
    for part in parts:
        (folder / part.folder).mkdir(parents=True, exist_ok=True)
    jobs = [pool.submit(_write_example, folder, batch[row : row + 1], name, parts) for row, name in enumerate(names)]
    for job in jobs:
        job.result()


def _write_example(folder: Path, example: TryOnBatch, name: str, parts: tuple[Part, ...]) -> None:
    for part in parts:
        data = _encode(part, example, Path(name).suffix)
        if data is not None:
            part.path(folder, name).write_bytes(data)


def _encode(part: Part, example: TryOnBatch, suffix: str) -> bytes | None:
    """The file of a part of a batch of one; None if the example does not know it."""
    value = getattr(example, part.field)[0]
    if part.field in {"warped_garment", "misalign_mask"} and not _knows_warp(example):
        return None
    match part.content:
        case "image":
            return _picture(((value + 1) * 127.5).movedim(0, -1), suffix)
        case "mask":
            return _picture(value[0] * 255, Path(part.ending).suffix or suffix)
        case "labels":
            return _labels(value) if value.any() else None
        case "keypoints":
            return _keypoints(value, example.size) if value.isfinite().any() else None
        case "flow":
            return _flow(value, example.flow_mask[0, 0]) if example.flow_mask.any() else None


def _knows_warp(example: TryOnBatch) -> bool:
    """Whether there is a warp: an unknown one is all white."""
    return bool((example.warped_garment < 1).any())


def _picture(pixels: Tensor, suffix: str) -> bytes:
    """Values 0 to 255 ([h w] or [h w 3]) as a PNG or JPEG file."""
    image = Image.fromarray(pixels.round().clamp(0, 255).to(torch.uint8).numpy())
    buffer = io.BytesIO()
    if suffix == ".png":
        image.save(buffer, "PNG", compress_level=3)
    else:
        image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _labels(parse: Float[Tensor, "k h w"]) -> bytes:
    """A one-hot parse map as a palette image of CIHP's labels."""
    written = np.array([CIHP_LABELS[name][0] for name in PARSE_LABELS], dtype=np.uint8)
    image = Image.fromarray(written[parse.argmax(0).numpy()])
    image.putpalette(PALETTE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _keypoints(joints: Float[Tensor, "j 2"], size: tuple[int, int]) -> bytes:
    """Joints in [-1, 1] as an OpenPose file, in pixels; unknown joints are zeros, as OpenPose writes them."""
    height, width = size
    points = np.zeros((25, 3))
    for name, (x, y) in zip(KEYPOINTS, joints.double().tolist(), strict=True):
        if np.isfinite(x + y):
            points[BODY_25[name]] = (x + 1) / 2 * (width - 1), (y + 1) / 2 * (height - 1), 1
    triples = [round(value, 5) for value in points.ravel().tolist()]
    return json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": triples}]}).encode()


def _flow(flow: Float[Tensor, "h w 2"], mask: Float[Tensor, "h w"]) -> bytes:
    """Flow and mask as a safetensors file."""
    arrays = {"flow": flow.float().contiguous().numpy(), "flow_mask": (mask > 0.5).to(torch.uint8).numpy()}
    return safetensors.numpy.save(arrays)
