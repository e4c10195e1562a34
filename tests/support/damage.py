"""Ways to damage a file, a list or a folder of a data set."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.numpy
from PIL import Image

Damage = Callable[[Path], None]


def edit(change: Callable[[Image.Image], Image.Image], **options: object) -> Damage:
    """Replace an image by a changed one."""

    def damage(file: Path) -> None:
        with Image.open(file) as image:
            image.load()
        change(image).save(file, **options)

    return damage


def pixels(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    return edit(lambda image: Image.fromarray(np.ascontiguousarray(change(np.asarray(image)))))


def cut(keep: Callable[[int], int]) -> Damage:
    def damage(file: Path) -> None:
        data = file.read_bytes()
        file.write_bytes(data[: keep(len(data))])

    return damage


def truncated_jpeg(file: Path) -> None:
    edit(lambda image: image, format="JPEG")(file)
    cut(lambda n: n - 40)(file)


def flipped_bits(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:300] + bytes(255 - byte for byte in data[300:340]) + data[340:])


def noisy_jpeg(harm: Callable[[bytes, int], bytes]) -> Damage:
    """A JPEG picture full of noise, harmed from the middle of its pixels on."""

    def damage(file: Path) -> None:
        noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))
        noise.save(file, format="JPEG", quality=95)
        data = file.read_bytes()
        file.write_bytes(harm(data, (data.index(b"\xff\xda") + len(data)) // 2))

    return damage


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def circle(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def exif_after_pixels(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    body = exif.tobytes().removeprefix(b"Exif\x00\x00")
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    data = file.read_bytes()
    file.write_bytes(data[:-12] + chunk + data[-12:])


def first_joint(*triple: float) -> Damage:
    def damage(file: Path) -> None:
        text = json.dumps({"people": [{"pose_keypoints_2d": [*triple, *[1] * 72]}]})
        file.write_text(text)

    return damage


def many_digits(file: Path) -> None:
    file.write_text('{"people": [{"pose_keypoints_2d": [' + "9" * 400 + "]}]}")


def shifted(file: Path) -> None:
    with Image.open(file) as image:
        mask = np.asarray(image)
    small = np.zeros_like(mask)
    small[:8, :8] = 255
    Image.fromarray(small).save(file)


def turned_by_exif(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    edit(lambda image: image, format="JPEG", exif=exif)(file)


def three_joints(file: Path) -> None:
    file.write_text(json.dumps({"people": [{"pose_keypoints_2d": [0] * 9}]}))


def png_header_of(width: int, height: int) -> Damage:
    """A tiny file that says it is a huge image."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return lambda file: (
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT" + bytes(13)) and None
    )


def folder_in_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


def link_out(file: Path, above: int = 3) -> None:
    outside = file.parents[above] / f"outside-{file.name}"
    shutil.move(file, outside)
    file.symlink_to(outside)


def animated(file: Path) -> None:
    with Image.open(file) as image:
        frames = [image.copy(), image.rotate(90).copy()]
    frames[0].save(file, save_all=True, append_images=frames[1:])


def store_flow(**arrays: np.ndarray) -> Damage:
    return lambda file: file.write_bytes(safetensors.numpy.save(arrays)) and None


def set_list(text: str | bytes, name: str = "test_pairs.txt") -> Callable[[Path], str]:
    def damage(root: Path) -> str:
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return damage


def removed(name: str) -> Callable[[Path], str]:
    def damage(root: Path) -> str:
        shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()
        return name

    return damage


def renamed(name: str, new: str) -> Callable[[Path], str]:
    def damage(root: Path) -> str:
        (root / name).rename(root / name.replace(name.split("/")[-1], new))
        return name

    return damage
