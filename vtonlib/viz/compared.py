"""The book's methods beside one another: what each read of the same people, what it painted of a few; stored.

Book: sec-comparison.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.disk import whole_file
from vtonlib.evaluation.bootstrap import Interval
from vtonlib.evaluation.ranking import seeds_and_people
from vtonlib.viz.snapshots import FOLDER

STORED = FOLDER / "one-table.safetensors"
"""Of benchmarks/one_table.py."""
TITLES = {
    "stages": "ALIAS, three stages",
    "addition": "feature addition",
    "attention": "zero cross-attention",
    "moved": "+ augmentation",
    "moved-variation": "+ augmentation, variation",
    "variation": "+ variation",
    "entropy": "+ entropy",
    "both": "+ variation, entropy",
    "leffa": "+ Leffa's loss",
    "selection": "query selection",
    "pair": "Leffa's pair",
    "pair-leffa": "Leffa's pair, its loss",
    "blind": "blind twin",
    "told": "told the truth",
    "matcher": "matcher, a sixteenth",
    "copy": "copy",
    "masks": "masks laid over",
    "uniform": "uniform",
    "joints": "spline, told joints",
    "truth": "through the truth",
}
"""What figures and tables call the rows, in their order."""
RATIOS = ("texture",)
"""Readings whose mean is taken of logarithms."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """All rows of the table, and a few people's pictures."""

    rows: tuple[str, ...]
    """Names of the methods; those without training come last."""
    tests: tuple[str, ...]
    """``unpaired``, ``paired``, ``straight`` and ``street``, as in benchmarks/one_table.py."""
    readings: tuple[str, ...]
    """What was read of every person."""
    values: Mapping[str, Float[Tensor, "seeds tests readings people"]]
    """By row; a row without training has one seed."""
    images: Float[Tensor, "rows shown 3 h w"]
    """Painted by the first seed, in [-1, 1], to 1/255."""
    shown: tuple[tuple[str, int], ...]
    """Whom the pictures show: the test, and the number in its split."""
    costs: Mapping[str, Mapping[str, Any]]
    """By row: ``steps``, ``flops`` of the training and ``seconds`` of a core, means over seeds."""

    def read(self, row: str, test: str, reading: str) -> Float[Tensor, "seeds people"]:
        """One reading of every person by every seed; a ratio as its logarithm.

        Raises:
            KeyError: for a row that the table has not.
            ValueError: for another test or reading.
        """
        found = self.values[row][:, self.tests.index(test), self.readings.index(reading)].double()
        return found.clamp_min(1e-3).log() if reading in RATIOS else found

    def interval(self, row: str, test: str, reading: str) -> Interval:
        """The mean of a reading, and its interval over seeds and people; of a ratio the geometric mean."""
        return _mean(self.read(row, test, reading), reading)

    def intervals(self, rows: Sequence[str], test: str, reading: str) -> dict[str, Interval]:
        """One reading of some rows, by their titles."""
        return {TITLES[row]: self.interval(row, test, reading) for row in rows}

    def gained(self, row: str, over: str, test: str, reading: str, *, share: float = 1.0) -> Interval:
        """By how much more a row reads than another, or than a ``share`` of it, person by person and seed by seed.

        The mean, and its interval; of a ratio by what factor. Where one row has more seeds, the first are taken that
        both have; a row without training is the same for every seed.
        """
        ours, theirs = (self.read(name, test, reading) for name in (row, over))
        seeds = min((len(self.values[name]) for name in (row, over) if name in self.costs), default=1)
        return _mean(ours[:seeds] - share * theirs[:seeds], reading)

    def known(self, *rows: str) -> tuple[str, ...]:
        """Those of some rows, by default of all, that the table has, in the order of :data:`TITLES`."""
        return tuple(row for row in TITLES if row in self.rows and (not rows or row in rows))

    def means(self, test: str, reading: str, rows: Sequence[str]) -> Float[Tensor, " rows"]:
        """The mean of a reading for each of some rows."""
        return torch.stack([self.read(row, test, reading).nanmean() for row in rows])

    def people(self) -> TryOnBatch:
        """Whom the pictures show, with all truth; garments laid anyhow, not their own."""
        world = World(DataConfig(laid="anyhow"))
        kinds = {"unpaired": "test", "street": "cross"}
        parts = [world.unpaired(kinds[test], torch.tensor([number])) for test, number in self.shown]  # type: ignore[arg-type]
        return TryOnBatch.concatenate(parts)


def _mean(values: Float[Tensor, "seeds people"], reading: str) -> Interval:
    """The mean and its interval; of logarithms of ratios as a ratio."""
    found = seeds_and_people(values)
    if reading not in RATIOS:
        return found
    return Interval(math.exp(found.mean), math.exp(found.low), math.exp(found.high), found.n)


def save_compared(path: Path, table: Compared) -> None:
    """Write a table: readings in half precision, pictures in bytes."""
    tensors = {f"values.{row}": table.values[row].half().contiguous() for row in table.rows}
    tensors["images"] = ((table.images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).contiguous()
    header = {name: getattr(table, name) for name in ("rows", "tests", "readings", "shown", "costs")}
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata={"compared": json.dumps(header)})


def load_compared(path: Path = STORED) -> Compared:
    """The table of a file, by default of the one that the package holds.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where it holds something else.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file of a stored table")
    with safe_open(path, "pt") as opened:
        header = json.loads((opened.metadata() or {}).get("compared", "{}"))
        if not header:
            raise ValueError(f"{path}: expected a stored table, as save_compared writes it")
        values = {row: opened.get_tensor(f"values.{row}").float() for row in header["rows"]}
        images = opened.get_tensor("images").float() / 127.5 - 1
    named = {name: tuple(header[name]) for name in ("rows", "tests", "readings")}
    shown = tuple((test, number) for test, number in header["shown"])
    return Compared(**named, values=values, images=images, shown=shown, costs=header["costs"])
