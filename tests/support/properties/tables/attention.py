"""Attention: what is read of it, of windows, of chosen rows."""

from __future__ import annotations

from typing import Any

from properties.case import Case
from properties.draws import Draw
from vtonlib.attention import AttentionCore, AttentionRecord, Grid
from vtonlib.attention.query_selection import QuerySelection
from vtonlib.attention.rows import masked_rows

READ = "precise"
NO_ROWS = "it has no rows"
COUNTS = "whole numbers of rows come out"


def record(draw: Draw) -> AttentionRecord:
    return draw.record()


def queries(dims: str):
    """Numbers for each query of the lattice without a name."""
    return lambda draw: draw.normal(dims.replace("nq", str(draw.grid().tokens)))


def on_queries(draw: Draw):
    return draw.mask("b 1 h w")


def qkv(part: str, *, same_width: bool = False):
    width = "d" if part != "value" or same_width else "e"
    return lambda draw: draw.normal(f"b heads {'nq' if part == 'query' else 'nk'} {width}")


def softmaxed(draw: Draw):
    return draw.normal("b nq nk").softmax(-1)


def core_given() -> dict:
    grids = {"query_grid": lambda d: Grid(d.size("nq"), 1), "key_grids": lambda d: (Grid(1, d.size("nk")),)}
    return {name: qkv(name) for name in ("query", "key", "value")} | grids


IDS = {"ids": lambda d: d.integers("b m", d.size("h") * d.size("w"))}
WINDOW = {"window": 3, "features": lambda d: d.normal("b c h w")} | IDS
MAPS = {"h": (3, 6), "w": (3, 5)}
ROWS = {"sizes": MAPS | {"m": (1, 6)}}
DRAWN: dict[str, Any] = {
    "sizes": {"h": (4, 6), "w": (4, 6)},
    "exact": 1,
    "gradient": False,
    "rows": "",
    "half": False,
    "dtype": READ,
    "why": "orders and noise are drawn for all rows, in their precision",
}
selection = QuerySelection(count=2)
ON_SELECTION = {"on": lambda draw: selection, "sizes": MAPS}
NAME = "vtonlib.attention."

CASES = {
    NAME + "attribution.nearest_token": Case(),
    NAME + "attribution.attribution_map": Case(
        given={"records": lambda d: [d.record()], "grid": Grid(4, 3)}, dtype=READ
    ),
    NAME + "attribution.attributed_places": Case(
        given={"records": lambda d: [d.record()], "grid": Grid(4, 3)}, dtype=READ
    ),
    NAME + "core.attend": Case(given={part: qkv(part) for part in ("query", "key", "value")} | {"scale": 0.5}),
    NAME + "core.attend_with_sums": Case(
        given={part: qkv(part, same_width=True) for part in ("query", "key", "value")}
        | {"scale": 0.5, "rows_per_chunk": 2},
    ),
    NAME + "core.AttentionCore.forward": Case(on=lambda d: AttentionCore(), given=core_given()),
    NAME + "descent.wrong_maps": Case(**DRAWN),
    NAME + "groups.group_entropy": Case(
        given={"sizes": lambda d: d.uniform("*shape", 1, 9), "patches": 9, "ratio": 3.0}
    ),
    NAME + "groups.group_features": Case(given={"sizes": [2, 1, 3], "ratio": 3.0}, rows="", why=NO_ROWS),
    NAME + "neighbours.window_scores": Case(given={"window": 3}, **ROWS),
    NAME + "neighbours.neighbours": Case(given=WINDOW, **ROWS),
    NAME + "neighbours.window_record": Case(given=WINDOW, **ROWS),
    NAME + "neighbours.window_values": Case(given=WINDOW, **ROWS),
    NAME + "query_selection.QuerySelection.entropy": Case(**ON_SELECTION),
    NAME + "query_selection.QuerySelection.choose": Case(
        **ON_SELECTION, exact=1, fills=("random",), half=False, why=COUNTS
    ),
    NAME + "query_selection.QuerySelection.read": Case(given=IDS, **ON_SELECTION),
    NAME + "query_selection.QuerySelection.pair": Case(
        **ON_SELECTION, exact=1, fills=("random",), half=False, why="near ties are ordered by rounding"
    ),
    NAME + "query_selection.QuerySelection.attention": Case(given=IDS, **ON_SELECTION),
    NAME + "query_selection.row_entropy": Case(dtype=READ),
    NAME + "read.expected_coordinates": Case(dtype=READ),
    NAME + "read.coordinate_spread": Case(dtype=READ, exact=1e-3),
    NAME + "read.nearest_coordinates": Case(dtype=READ, fills=("random",)),
    NAME + "record.AttentionRecord.from_features": Case(),
    NAME + "record.AttentionRecord.read": Case(
        on=record,
        given={"value": lambda d: d.normal(f"b heads {d.grid('k').tokens} e")},
        dtype=READ,
        rows="",
        why="its rows are the object's",
    ),
    NAME + "record.AttentionRecord.entropy": Case(on=record, dtype=READ, rows="", why="its rows are the object's"),
    NAME + "record.AttentionRecord.log_partition": Case(
        on=record, dtype=READ, rows="", why="its rows are the object's"
    ),
    NAME + "record.AttentionRecord.weights": Case(on=record, dtype=READ, rows="", why="its rows are the object's"),
    NAME + "record.AttentionRecord.select": Case(
        on=record,
        given={"rows": lambda d: d.integers("b m", d.grid().tokens)},
        rows="",
        why="its rows are the object's",
    ),
    NAME + "record.AttentionRecord.gather": Case(
        on=record,
        given={"rows": lambda d: d.integers("b m", d.grid().tokens)},
        rows="",
        why="its rows are the object's",
    ),
    NAME + "rows.masked_rows": Case(
        given={"mask": on_queries},
        empty="finite",
        exact=1,
        dtype=READ,
        rows="",
        gradient=False,
        why="how many rows are kept is the batch's; ties are ordered by rounding",
    ),
    NAME + "rows.MaskedRows.mean": Case(
        on=lambda d: masked_rows(d.record(), on_queries(d)),
        given={"values": lambda d: masked_rows(d.record(), on_queries(d)).weight + 1},
        empty="zero",
        dtype=READ,
        rows="",
        why="its rows are the object's",
    ),
    NAME + "rows.MaskedRows.scatter": Case(
        on=lambda d: masked_rows(d.record(), on_queries(d)),
        given={"values": lambda d: masked_rows(d.record(), on_queries(d)).weight[..., None] + 1},
        empty="zero",
        dtype=READ,
        rows="",
        why="its rows are the object's",
    ),
    NAME + "rows.head_mean_entropy": Case(dtype=READ),
    NAME + "zoo.record_of_map": Case(
        given={
            "weights": softmaxed,
            "query_grid": lambda d: Grid(d.size("nq"), 1),
            "key_grid": lambda d: Grid(1, d.size("nk")),
        },
        half=False,
        why="rows of half precision do not sum to 1 within what the function asks",
    ),
    NAME + "zoo.attention_zoo": Case(**DRAWN),
}
