"""What benchmarks measured, as tables and plots for the page of benchmarks: read from ``benchmarks/results``.

A result of CUDA lies beside the processor's, as ``NAME_cuda.json`` (``python3 -m tools gpu``), and appears with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.book import svg
from tools.book.markup import source_link, table
from tools.book.page import Page
from tools.shell import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PLACES = {"": "processor", "_cuda": "CUDA"}
SAID = {
    "coordinates": "expected coordinates",
    "entropy": "entropy of rows",
    "output": "a layer's output",
    "output_and_variation": "output and total variation",
    "at_once": "output and centres in one pass",
    "entropy_loss": "entropy as a loss",
    "generator": "ALIAS generator",
    "mask_norm": "mask normalization",
    "variation": "total variation",
    "both": "both",
    "leffa": "Leffa's, half of the steps",
    "always": "Leffa's, every step",
}


@dataclass(frozen=True)
class Ratio:
    """One thing beside its reference: how much of its time and memory it takes."""

    what: str
    reference: str
    time: float
    memory: float
    file: str
    place: str


def stored(name: str, folder: Path = RESULTS) -> Iterator[tuple[str, str, Any]]:
    """The results of a benchmark: file, place, what was measured."""
    for ending, place in PLACES.items():
        file = folder / f"{name}{ending}.json"
        if file.exists():
            content = json.loads(file.read_text(encoding="utf8"))
            yield file.name, place, content.get("measured", content)


def ratios(folder: Path = RESULTS) -> list[Ratio]:
    """Every family beside its reference."""
    found = []
    for file, place, content in stored("attention", folder):
        for row in content["rows"]:
            what = f"{SAID[row['what']]}, {row['tokens']} tokens"
            found.append(Ratio(what, "with the map", 1 / row["seconds_ratio"], 1 / row["bytes_ratio"], file, place))
    for file, place, content in stored("alias", folder):
        for name in ("generator", "mask_norm"):
            row = content[name]
            found.append(Ratio(SAID[name], "as released", row["time_ratio"], row["memory_ratio"], file, place))
    for file, place, content in stored("thin_plate", folder):
        sizes = (content["ratio_time"], content["ratio_memory"])
        found.append(Ratio("thin-plate warp, 1024x768", "every pixel by itself", *sizes, file, place))
    for file, place, content in stored("leffa_step", folder):
        whole = content["rows"][0]["steps"]["every_query"]
        sizes = (1 / whole["seconds_ratio"], 1 / whole["bytes_ratio"])
        found.append(Ratio("Leffa's pair, a training step", "all 2n queries, as released", *sizes, file, place))
    return found


def linked(file: str) -> str:
    """A link to a file of results."""
    return source_link(f"benchmarks/results/{file}", f"`{file}`")


def plot(drawn: str) -> list[str]:
    """A drawing as raw HTML."""
    return ["```{raw} html", drawn, "```", ""]


def family_lines(_: Sequence[Page]) -> list[str]:
    """The plot of all families, and its table."""
    rows = ratios()
    label = {row: row.what if row.place == "processor" else f"{row.what} ({row.place})" for row in rows}
    said = "Time and memory of each family as multiples of its reference's. " + "; ".join(
        f"{label[row]}: time {row.time:.2g}, memory {row.memory:.2g}" for row in rows
    )
    lines = [
        (row.what, row.reference, f"{row.time:.2f}", f"{row.memory:.2f}", row.place, linked(row.file)) for row in rows
    ]
    heads = ("what", "reference", "time", "memory", "on", "stored in")
    drawn = plot(svg.dots([svg.Dots(label[row], row.time, row.memory) for row in rows], said)) if rows else []
    return drawn + table(heads, lines, "Nothing is stored yet.")


def growth_lines(_: Sequence[Page]) -> list[str]:
    """How time and memory grow with tokens: a plot for each, and the slopes."""
    lines = []
    for file, place, content in stored("growth"):
        rows = content["rows"]
        for unit, scale, said in (("bytes", 2**20, "MiB"), ("seconds", 1, "seconds")):
            drawn = [
                svg.Line(
                    f"{SAID[what]}{'' if way == 'read' else ', map'}",
                    tuple((r["tokens"], r[unit] / scale) for r in rows if (r["what"], r["way"]) == (what, way)),
                    way == "read",
                )
                for what in dict.fromkeys(r["what"] for r in rows)
                for way in ("read", "map")
            ]
            ends = "; ".join(f"{d.label}: {d.points[0][1]:.3g} to {d.points[-1][1]:.3g}" for d in drawn)
            lines += plot(svg.growth(drawn, f"{said} against tokens, both logarithmic. {ends}.", ("tokens", said)))
        slopes = content["exponents"]
        cells = [
            (SAID[what], *(f"{slopes[f'{what}_by_{way}_{unit}']:.2f}" for unit in ("bytes", "seconds") for way in WAYS))
            for what in dict.fromkeys(r["what"] for r in rows)
        ]
        heads = ("slope, on the " + place, "memory, read", "memory, map", "time, read", "time, map")
        lines += [*table(heads, cells, ""), "", f"Stored in {linked(file)}.", ""]
    return lines or ["Not measured yet."]


WAYS = ("read", "map")


def loss_lines(_: Sequence[Page]) -> list[str]:
    """What losses on attention add to a training step."""
    found = []
    for name, who in (("shaping_step", "StableVITON"), ("leffa_step", "Leffa")):
        for file, place, content in stored(name):
            for row in content["rows"]:
                where = row.get("size") or f"{content['tokens'][0]}x{content['tokens'][1]} latents"
                precision = row.get("precision") or content["precision"]
                for loss, step in row["steps"].items():
                    if loss not in ("none", "every_query"):
                        numbers = (f"{step['seconds_ratio']:.2f}", f"{step['bytes_ratio']:.2f}")
                        of = SAID.get(loss, loss)
                        found.append((f"{who}, {where}", of, precision, *numbers, place, linked(file)))
    heads = ("model", "loss", "precision", "time", "memory", "on", "stored in")
    return table(heads, found, "Nothing is stored yet.")


def part_lines(_: Sequence[Page]) -> list[str]:
    """The profile of training steps: the share of each kind of work."""
    lines = []
    for file, place, content in stored("parts_of_a_step"):
        steps = content["steps"]
        kinds = sorted({k for s in steps.values() for k in s}, key=lambda k: -sum(s.get(k, 0) for s in steps.values()))
        cells = []
        for name, parts in steps.items():
            whole = sum(parts.values())
            shares = (f"{100 * parts.get(kind, 0) / whole:.0f} %" for kind in kinds)
            cells.append((name, *shares))
        lines += [*table((f"step, on the {place}", *kinds), cells, ""), "", f"Stored in {linked(file)}.", ""]
    return lines or ["Not measured yet."]


def import_lines(_: Sequence[Page]) -> list[str]:
    """What imports cost beyond torch."""
    lines = []
    for file, place, content in stored("imports"):
        cells = [(f"`{name}`", f"{seconds:.2f} s") for name, seconds in content["beyond_torch"].items()]
        lines += [*table((f"import, on the {place}", "beyond torch"), cells, ""), "", f"Stored in {linked(file)}.", ""]
    return lines or ["Not measured yet."]


TABLES: dict[str, Callable[[Sequence[Page]], list[str]]] = {
    "families": family_lines,
    "growth": growth_lines,
    "step-losses": loss_lines,
    "step-parts": part_lines,
    "imports": import_lines,
}
