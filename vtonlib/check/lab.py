"""Ten folders of the world's people, each damaged in one way, for the reader to tell which.

Book: sec-folder-lab.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vtonlib.config import DataConfig
from vtonlib.data.folders import write_folder
from vtonlib.data.world import World

FOLDERS = "ABCDEFGHIJ"
"""Their names."""
PERSONS = 4
"""In each folder, in its split ``test``."""
SIDES = {14: 15, 15: 14, 16: 17, 17: 16, 18: 19, 19: 18}
"""CIHP's labels of one side, and of the other."""
Harm = Callable[[Path], None]


def _each(folder: str, change: Callable[[np.ndarray], np.ndarray]) -> Harm:
    """Change the pixels of every file of a folder of the split."""

    def harm(split: Path) -> None:
        for file in sorted((split / folder).iterdir()):
            with Image.open(file) as image:
                palette, pixels = image.getpalette(), np.asarray(image)
            changed = Image.fromarray(np.ascontiguousarray(change(pixels)))
            if palette and changed.mode == "L":
                changed.putpalette(palette)
            changed.save(file)

    return harm


def _coloured(split: Path) -> None:
    for file in (split / "image-parse-v3").iterdir():
        with Image.open(file) as image:
            colours = image.convert("RGB")
        colours.save(file)


def _as_brightness(numbers: np.ndarray) -> np.ndarray:
    """Stored at half the size and enlarged again, both as if numbers were brightness."""
    image, half = Image.fromarray(numbers), (numbers.shape[1] // 2, numbers.shape[0] // 2)
    small = image.resize(half, Image.Resampling.NEAREST)
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR))


def _exchanged(numbers: np.ndarray) -> np.ndarray:
    table = np.array([SIDES.get(label, label) for label in range(256)], dtype=np.uint8)
    return table[numbers]


def _next_person(split: Path) -> None:
    files = sorted((split / "image-densepose").iterdir())
    data = [file.read_bytes() for file in files]
    for file, bytes_ in zip(files, data[1:] + data[:1], strict=True):
        file.write_bytes(bytes_)


def _turned(split: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for file in (split / "cloth").iterdir():
        with Image.open(file) as image:
            image.load()
        image.save(file, exif=exif)


def _cut_short(split: Path) -> None:
    file = min((split / "image").iterdir())
    file.write_bytes(file.read_bytes()[:-200])


_HARMS: dict[str, Harm] = {
    "nothing": lambda split: None,
    "mask inverted": _each("agnostic-mask", lambda x: 255 - x),
    "mask of 0 and 1": _each("agnostic-mask", lambda x: (x > 127).astype(np.uint8)),
    "labels in colours": _coloured,
    "labels resized as brightness": _each("image-parse-v3", _as_brightness),
    "left for right": _each("image-parse-v3", _exchanged),
    "dense pose: blue first": _each("image-densepose", lambda x: x[..., ::-1]),
    "dense pose of the next person": _next_person,
    "garment turned by EXIF": _turned,
    "picture cut short": _cut_short,
}
HARMS: tuple[str, ...] = tuple(_HARMS)
"""What may be wrong with a folder, each once."""
PLACES: tuple[int, ...] = tuple(torch.randperm(10, generator=torch.Generator().manual_seed(1018)).tolist())
"""The number in ``HARMS`` of what is wrong with each folder, in order: the answer."""


def write_lab(root: Path) -> list[Path]:
    """The ten folders, with pictures of the world as VITON-HD stores them, below ``root``; nothing says which is which.

    Raises:
        FolderError: if something lies there already.

    Book: sec-folder-lab.
    """
    sound = root / ".sound"
    write_folder(World(DataConfig()), sound, train=0, test=PERSONS, image_format="png")
    paths = []
    for letter, place in zip(FOLDERS, PLACES, strict=True):
        paths.append(Path(shutil.copytree(sound, root / letter)))
        _HARMS[HARMS[place]](paths[-1] / "test")
    shutil.rmtree(sound)
    return paths
