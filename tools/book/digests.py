"""Comparing the digests of figures' data, stored and new, with the tolerance that the figure states."""

from __future__ import annotations

from typing import Any

from tools.book.page import DATA_MIME

NUMBERS = ("mean", "std", "min", "max", "order", "order2")


def scale(stored: dict[str, Any]) -> float:
    """What a tolerance is a share of: the range of the data, or a tenth of their size if they hardly vary."""
    return max(stored["max"] - stored["min"], 0.1 * max(abs(stored["max"]), abs(stored["min"])), 1e-12)


def array_difference(stored: dict[str, Any], new: dict[str, Any], tolerance: float) -> str:
    """How two digests of one array differ; an empty text if they agree."""
    for exact in ("shape", "not finite"):
        if stored[exact] != new[exact]:
            return f"{exact} is {new[exact]}, stored {stored[exact]}"
    allowed = tolerance * scale(stored)
    off = [n for n in NUMBERS if not abs(stored[n] - new[n]) <= allowed]
    return ", ".join(f"{n} is {new[n]}, stored {stored[n]}" for n in off) + (f" (allowed {allowed:.3g})" if off else "")


def difference(stored: dict[str, Any], new: dict[str, Any]) -> str:
    """How the data of two outputs differ; an empty text if they agree."""
    arrays = stored.get("arrays", {}), new.get("arrays", {})
    if arrays[0].keys() != arrays[1].keys():
        return f"data {sorted(arrays[1])}, stored {sorted(arrays[0])}"
    for name, digest in arrays[0].items():
        if found := array_difference(digest, arrays[1][name], stored.get("tolerance", 0.01)):
            return f"data '{name}': {found}"
    rest = [{k: v for k, v in data.items() if k != "arrays"} for data in (stored, new)]
    return "" if rest[0] == rest[1] else f"{rest[1]}, stored {rest[0]}"


def outputs_difference(stored: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    """How the data of two lists of outputs differ; an empty text if they agree."""
    pairs = [[o["data"][DATA_MIME] for o in outputs if DATA_MIME in o.get("data", {})] for outputs in (stored, new)]
    if len(pairs[0]) != len(pairs[1]):
        return f"{len(pairs[1])} outputs with data, stored {len(pairs[0])}"
    return next((found for a, b in zip(*pairs, strict=True) if (found := difference(a, b))), "")


def without_data(outputs: list[Any]) -> list[Any]:
    """The outputs that are compared as text: those that carry no data."""
    return [output for output in outputs if DATA_MIME not in output.get("data", {})]
