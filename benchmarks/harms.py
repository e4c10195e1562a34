"""What may happen to a file of a run: the harms that ``python -m benchmarks.damages`` does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save_file

NEWEST = "checkpoints/step-000003"
"""The checkpoint that is harmed: the last of three steps."""
Harm = Callable[[Path], object]


def flipped(place: Callable[[int], int]) -> Harm:
    def harm(file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[place(len(data))] ^= 1
        file.write_bytes(data)

    return harm


def edited(**changes: object) -> Harm:
    """The JSON object of a file with other values, dotted names as ``a__b``; None deletes a key."""

    def harm(file: Path) -> None:
        values = json.loads(file.read_text(encoding="utf8"))
        for name, value in changes.items():
            *above, key = name.split("__")
            inner = values
            for group in above:
                inner = inner[group]
            inner.pop(key) if value is None else inner.update({key: value})
        file.write_text(json.dumps(values), encoding="utf8")

    return harm


def in_its_place(other: str) -> Harm:
    """Another file of the run instead."""
    return lambda file: shutil.copy(next(p / other for p in file.parents if (p / other).exists()), file)


def without_a_number(file: Path) -> None:
    """NaN in the first tensor of a file."""
    tensors = load_file(file)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, file, metadata={"format": "pt"})


HARMS: dict[str, Harm] = {
    "first bit flipped": flipped(lambda size: 0),
    "bit of the header flipped": flipped(lambda size: 20),
    "last bit flipped": flipped(lambda size: size - 1),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2),
    "cut to 4 bytes": lambda file: os.truncate(file, 4),
    "empty": lambda file: os.truncate(file, 0),
    "missing": lambda file: file.unlink(),
    "zeroes": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "a list": lambda file: file.write_text("[1]"),
    "null": lambda file: file.write_text("null"),
    "no text": lambda file: file.write_bytes(b"\xff\xfe\x00{}"),
    "nested deeply": lambda file: file.write_text("[" * 100_000 + "\n"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "files gone": lambda folder: [file.unlink() for file in folder.iterdir()],
    "renamed": lambda folder: folder.rename(folder.with_name("step-000009")),
    "model of the step before": in_its_place("checkpoints/step-000002/model.safetensors"),
    "weights of the averages": in_its_place(f"{NEWEST}/ema.safetensors"),
    "weights of the autoencoder": in_its_place("final/autoencoder/diffusion_pytorch_model.safetensors"),
    "another step": edited(step=2),
    "no seal": edited(seal=None),
    "other elapsed": edited(state__elapsed=0.5),
    "unknown preset": edited(preset="gan"),
    "no preset": edited(preset=None),
    "unknown key": edited(train__stepz=3),
    "a word for a number": edited(train__steps="many"),
    "out of range": edited(data__height=-8),
    "not a number": edited(train__learning_rate=float("nan")),
    "another task": edited(task={"channels": 8}),
    "unknown class": edited(_class_name="Pipeline"),
    "no class": edited(_class_name=None),
    "another shape": edited(block_out_channels=[16, 16]),
    "a word for the scale": edited(scaling_factor="x"),
    "no steps": edited(default_denoising_steps=0),
    "a word for the steps": edited(default_denoising_steps="many"),
    "a weight that is NaN": without_a_number,
    "line without a step": lambda file: file.write_text("{}\n" + file.read_text()),
    "line cut": lambda file: file.write_text(file.read_text()[:40] + "\n" + file.read_text()[41:]),
}
