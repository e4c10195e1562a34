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
USES_OF_A_SOUND_FOLDER = {
    "train": "",
    "train segmentation": "",
    "train alias": "",
    "evaluate": "",
    "evaluate alias": "",
}
"""What ``folder_uses`` says of a folder of try-on that nothing was done to."""


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


FLOW, FLOW_MASK = np.zeros((40, 30, 2), np.float32), np.ones((40, 30), np.uint8)
"""A flow of the size of the damaged examples."""


def shared_damage(
    *, person: str, garment: str, pose: str, labels: str, joints: str, flow: str, above: int = 3
) -> dict[str, tuple[str, Damage, str]]:
    """What can be wrong with files of any layout, whose parts the arguments name: part, damage, and what is found.

    ``above`` is how many folders a link must climb to leave the root.
    """
    return {
        "missing person": (person, Path.unlink, "found nothing"),
        "missing garment": (garment, Path.unlink, "found nothing"),
        "missing dense pose": (pose, Path.unlink, "found nothing"),
        "truncated PNG": (garment, cut(lambda n: n // 2), "damaged image"),
        "PNG without its end": (person, cut(lambda n: n - 12), "truncated PNG"),
        "truncated JPEG": (person, truncated_jpeg, "damaged image"),
        "JPEG without a part": (garment, noisy_jpeg(lambda d, m: d[:m] + d[m + 300 :]), "damaged image"),
        "flipped bits": (pose, flipped_bits, "a whole image"),
        "not an image": (garment, lambda f: f.write_text("<html>404</html>") and None, "no image"),
        "another format": (person, edit(lambda image: image, format="BMP"), "no image"),
        "zero bytes": (pose, lambda f: f.write_bytes(b"") and None, "0 bytes"),
        "folder in place of a file": (garment, folder_in_place, "something unreadable"),
        "pipe in place of a file": (person, pipe, "something unreadable (a pipe)"),
        "link in a circle": (pose, circle, "something unreadable"),
        "link out of the root": (garment, lambda f: link_out(f, above=above), "a link out of the root"),
        "alpha channel": (person, edit(lambda image: image.convert("RGBA")), "mode RGBA"),
        "palette": (garment, edit(lambda image: image.convert("P")), "mode P"),
        "16 bits": (pose, pixels(lambda x: x[..., 0].astype(np.uint16) * 257), "mode I;16"),
        "CMYK": (person, edit(lambda image: image.convert("CMYK"), format="JPEG"), "mode CMYK"),
        "animated": (person, animated, "animated"),
        "turned by EXIF": (person, turned_by_exif, "EXIF"),
        "PNG turned by EXIF after its pixels": (garment, exif_after_pixels, "EXIF"),
        "blank person": (person, pixels(lambda x: np.full_like(x, 200)), "a blank image"),
        "blank garment": (garment, pixels(lambda x: np.full_like(x, 255)), "a blank image"),
        "blank dense pose": (pose, pixels(np.zeros_like), "a blank image"),
        "pose of another size": (pose, edit(lambda image: image.resize((60, 80))), "60x80 pixels"),
        "pose on its side": (pose, pixels(lambda x: x.swapaxes(0, 1)), "40x30 pixels"),
        "huge image": (garment, png_header_of(9000, 12000), "9000x12000 pixels"),
        "labels in colours": (labels, edit(lambda image: image.convert("RGB")), "mode RGB"),
        "unknown label": (labels, pixels(lambda x: np.where(x == 0, 37, x).astype(np.uint8)), "label 37"),
        "joints that are not JSON": (joints, lambda f: f.write_text("{") and None, "found no JSON (Expecting"),
        "flow that is not finite": (flow, store_flow(flow=FLOW * np.nan, flow_mask=FLOW_MASK), "not finite"),
        "flow of another size": (flow, store_flow(flow=FLOW[:20], flow_mask=FLOW_MASK[:20]), "30x20 pixels"),
    }
