"""What short trainings with and without losses on attention painted, and where they looked: a few people, stored.

Book: sec-attention-total-variation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.disk import whole_file
from vtonlib.viz.snapshots import FOLDER

STORED = FOLDER / "stableviton-shaped.safetensors"
"""Of benchmarks/shaping.py: one seed, garments laid anyhow."""


@dataclass(frozen=True, slots=True, eq=False)
class Shaped:
    """One training's pictures of a few people, and the better of its two finest attentions while painting them."""

    image: Float[Tensor, "p 3 h w"]
    """Painted in one step, in [-1, 1], to 1/255."""
    centres: Float[Tensor, "p hq wq 2"]
    """Expected places, in [-1, 1]."""
    spread: Float[Tensor, "p hq wq"]
    """Spread of every row, in steps of the keys."""


@dataclass(frozen=True, slots=True, eq=False)
class ShapedRuns:
    """The trainings by name, and whom they painted."""

    indices: tuple[int, ...]
    """Numbers of the people in the test split; each wears the garment of :meth:`World.partner`."""
    arms: Mapping[str, Shaped]
    """By the names of benchmarks/shaping.py: ``none``, ``variation``, ``entropy``, ``both``, ..."""

    def people(self) -> TryOnBatch:
        """The people in those garments, with all truth."""
        return World(DataConfig(laid="anyhow")).unpaired("test", torch.tensor(self.indices))


def save_shaped(path: Path, indices: tuple[int, ...], arms: Mapping[str, Shaped]) -> None:
    """Write trainings: pictures in bytes, the rest in half precision."""
    tensors: dict[str, Tensor] = {}
    for name, arm in arms.items():
        tensors[f"{name}.image"] = _bytes(arm.image)
        tensors |= {f"{name}.centres": arm.centres.half(), f"{name}.spread": arm.spread.half()}
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata={"shaped": json.dumps({"indices": indices, "arms": list(arms)})})


def _bytes(image: Float[Tensor, "p 3 h w"]) -> UInt8[Tensor, "p 3 h w"]:
    return ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def load_shaped(path: Path = STORED) -> ShapedRuns:
    """The trainings of a file, by default of the one that the package holds.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where it holds something else.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file of stored trainings")
    with safe_open(path, "pt") as opened:
        header = json.loads((opened.metadata() or {}).get("shaped", "{}"))
        if not header:
            raise ValueError(f"{path}: expected stored trainings, as save_shaped writes them")
        arms = {
            name: Shaped(
                opened.get_tensor(f"{name}.image").float() / 127.5 - 1,
                opened.get_tensor(f"{name}.centres").float(),
                opened.get_tensor(f"{name}.spread").float(),
            )
            for name in header["arms"]
        }
    return ShapedRuns(tuple(header["indices"]), arms)
