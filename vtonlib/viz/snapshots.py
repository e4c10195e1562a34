"""Attention maps of one person, stored in bytes: a model at several training steps and noise levels, without its
weights.

Book: sec-attention-mosaic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.zoo import record_of_map
from vtonlib.disk import whole_file
from vtonlib.viz.frame import Frame, decode_logits, encode_logits

FOLDER = Path(__file__).parent.parent / "weights" / "attention"
"""Where the stored ones of the package lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The head-mean map of one person at one moment."""

    step: int
    """Training step."""
    time: int
    """Noise level, a time step of the diffusion; 0 for models without noise."""
    record: AttentionRecord
    """One sample, one head."""

    def frame(self, model: str = "") -> Frame:
        """As a choice of the explorer: noise levels are its layers, said of a ``model`` where several are shown."""
        level = f"noise level {self.time}" if self.time else "no noise"
        layer = f"{model}, {level}" if model else level
        return Frame(self.record, layer=layer, step=self.step, heads="mean")


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """What a file holds: the maps, and the person they are of."""

    model: str
    """What made them, in words for the reader."""
    index: int
    """Number of the example in the test split."""
    laid: str
    """How the world's garments lie."""
    size: tuple[int, int]
    """(height, width) of the images."""
    maps: tuple[Snapshot, ...]
    """By step, then by noise level."""

    def at(self, *, step: int | None = None, time: int | None = None) -> tuple[Snapshot, ...]:
        """Those of one step, of one noise level, or both."""
        return tuple(m for m in self.maps if step in (None, m.step) and time in (None, m.time))

    def steps(self) -> list[int]:
        """The training steps, in order."""
        return sorted({m.step for m in self.maps})

    def times(self) -> list[int]:
        """The noise levels, in order."""
        return sorted({m.time for m in self.maps})


def map_record(weights: Float[Tensor, "nq nk"], query: Grid, key: Grid, *, name: str = "") -> AttentionRecord:
    """A finished map as a record: queries are the logarithms of its weights, keys unit vectors.

    Everything that is read from records can be read from it; weights below 1e-12 count as that.
    """
    return replace(record_of_map(weights.detach().clamp_min(1e-12)[None], query, key), name=name)


def coarsened(record: AttentionRecord, query: Grid, key: Grid, *, example: int = 0) -> AttentionRecord:
    """The head-mean map of one example on coarser lattices: queries averaged, the weights of keys added up.

    Raises:
        ValueError: where a lattice of the record is no multiple of the coarser one.
    """
    fine_query, fine_key = record.query_grid, record.key_grid
    for fine, coarse in ((fine_query, query), (fine_key, key)):
        if fine.height % coarse.height or fine.width % coarse.width:
            raise ValueError(f"{fine} is no multiple of {coarse}")
    rows = torch.arange(record.query.shape[2], device=record.query.device)[None].expand(len(record.query), -1)
    weights = record.weights(rows)[example].detach().mean(0)
    weights = _pooled(weights.T, fine_query, query).T / (fine_query.tokens // query.tokens)
    return map_record(_pooled(weights, fine_key, key), query, key, name=record.name)


def _pooled(weights: Float[Tensor, "n f"], fine: Grid, coarse: Grid) -> Float[Tensor, "n c"]:
    """Sums over the cells of the fine lattice that form one of the coarse lattice."""
    down, across = fine.height // coarse.height, fine.width // coarse.width
    return weights.view(len(weights), coarse.height, down, coarse.width, across).sum((2, 4)).flatten(1)


def save_snapshots(
    path: Path | str, model: str, index: int, laid: str, size: tuple[int, int], maps: Sequence[Snapshot]
) -> None:
    """Write maps of one lattice as bytes (see :mod:`vtonlib.viz.frame`).

    Raises:
        ValueError: for no maps, or maps of several lattices.
    """
    lattices = {(m.record.query_grid, m.record.key_grid) for m in maps}
    if len(lattices) != 1:
        raise ValueError(f"the maps have {len(lattices)} pairs of lattices: expected one")
    ((query, key),) = lattices
    codes = torch.stack([encode_logits(m.record.weights().detach()[0].mean(0).log()) for m in maps])
    header = {
        "model": model, "index": index, "laid": laid, "size": list(size), "query": list(query), "key": list(key),
        "moments": [[m.step, m.time] for m in maps],
    }  # fmt: skip
    with whole_file(Path(path)) as temporary:
        save_file({"maps": codes}, temporary, metadata={"snapshots": json.dumps(header)})


def load_snapshots(path: Path | str) -> Snapshots:
    """The maps of a file, or, given a bare name, of the one that the package holds.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where it holds something else.
    """
    file = Path(path)
    if file.name == str(path) and not file.suffix:
        file = FOLDER / f"{path}.safetensors"
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such file of attention maps")
    with safe_open(file, "pt") as opened:
        header = json.loads((opened.metadata() or {}).get("snapshots", "{}"))
        if not header:
            raise ValueError(f"{file}: expected attention maps, as save_snapshots writes them")
        codes = opened.get_tensor("maps")
    query, key = Grid(*header["query"]), Grid(*header["key"])
    maps = tuple(
        Snapshot(step, time, map_record(decode_logits(rows).float().softmax(-1), query, key))
        for (step, time), rows in zip(header["moments"], codes, strict=True)
    )
    return Snapshots(header["model"], header["index"], header["laid"], tuple(header["size"]), maps)
