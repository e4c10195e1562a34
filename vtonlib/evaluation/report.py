"""The record of an evaluation: one table per split, written as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

import torch

from vtonlib import __version__
from vtonlib.disk import replace_text
from vtonlib.evaluation.bootstrap import Interval

Better = Literal["higher", "lower", "one"]
"""Which way is better; ``one``: a ratio, best at 1."""
Cell = Interval | None
"""One number of a table; None where a method has no such number."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A column."""

    name: str
    """As the column's heading has it."""
    unit: str
    """As the heading has it; empty: none."""
    better: Better
    """Which way is better."""
    digits: int = 3
    """Shown after the point."""

    @property
    def heading(self) -> str:
        """Name, unit, and an arrow to where better is."""
        arrow = {"higher": "↑", "lower": "↓", "one": "→ 1"}[self.better]
        return f"{self.name} ({self.unit}) {arrow}" if self.unit else f"{self.name} {arrow}"


@dataclass(frozen=True, slots=True)
class Row:
    """A method: a block of a model, a model, or a baseline; one cell per metric of its table."""

    method: str
    """Its name."""
    kind: Literal["model", "baseline"]
    """A trained model, or a baseline."""
    cells: tuple[Cell, ...]
    """Its numbers, in the order of the table's metrics."""


@dataclass(frozen=True, slots=True)
class Table:
    """All methods on one split; ``chance`` names the row that knows nothing.

    Raises:
        ValueError: if a row has not one cell per metric, or a method stands there twice.
    """

    split: str
    """Which examples: paired, unpaired, cross-dataset and so on."""
    metrics: tuple[Metric, ...]
    """The columns."""
    rows: tuple[Row, ...]
    """The methods."""
    chance: str
    """Name of the row that knows nothing."""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.metrics):
                raise ValueError(f"row '{row.method}' has {len(row.cells)} cells, expected {len(self.metrics)}")
        if len({row.method for row in self.rows}) != len(self.rows):
            raise ValueError(f"a method occurs twice among {', '.join(row.method for row in self.rows)}")

    def cell(self, method: str, metric: str) -> Cell:
        """The number of a method in a metric.

        Raises:
            KeyError: listing what the table has.
        """
        column = _find([m.name for m in self.metrics], metric, "metric")
        return self.rows[_find([r.method for r in self.rows], method, "method")].cells[column]

    def markdown(self) -> str:
        """The table in Markdown, with a line that names the chance level."""
        lines = ["| method | " + " | ".join(m.heading for m in self.metrics) + " |"]
        lines.append("|---|" + "---:|" * len(self.metrics))
        for row in self.rows:
            name = f"*{row.method}*" if row.kind == "baseline" else row.method
            texts = [_text(cell, metric.digits) for cell, metric in zip(row.cells, self.metrics, strict=True)]
            lines.append("| " + " | ".join([name, *texts]) + " |")
        return "\n".join(lines) + f"\n\nChance level: *{self.chance}*. Baselines in italics.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is needed to get the same numbers again."""

    command: str
    """What to type."""
    checkpoint: str
    """Which weights were evaluated."""
    extractor: str
    """Name of the network behind FID and KID; empty: none was used."""
    machine: str
    """Processor, cores and accelerator."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of Python, vtonlib and the packages that matter."""

    @classmethod
    def collect(cls, *, command: str, checkpoint: str, extractor: str) -> Self:
        """With this machine and the versions of the packages that matter."""
        packages = ("torch", "torchmetrics", "diffusers")
        return cls(
            command=command,
            checkpoint=checkpoint,
            extractor=extractor,
            machine=_machine(),
            versions={"vtonlib": __version__, "python": platform.python_version()} | {p: version(p) for p in packages},
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All tables of an evaluation and where they come from.

    Book: sec-evaluation.
    """

    title: str
    """The heading."""
    tables: tuple[Table, ...]
    """One for each split."""
    provenance: Provenance
    """Where the numbers come from."""

    def table(self, split: str) -> Table:
        """The table of a split.

        Raises:
            KeyError: listing the splits there are.
        """
        return self.tables[_find([t.split for t in self.tables], split, "split")]

    def markdown(self) -> str:
        """The whole report in Markdown."""
        parts = [f"# {self.title}\n"]
        parts += [f"## {table.split}\n\n{table.markdown()}" for table in self.tables]
        parts.append("Brackets: 95 % bootstrap interval over samples; —: not defined for this method.\n")
        about = self.provenance
        versions = ", ".join(f"{name} {number}" for name, number in about.versions.items())
        parts.append(
            f"- command: `{about.command}`\n- checkpoint: `{about.checkpoint}`\n"
            f"- FID and KID through: {about.extractor or 'not computed'}\n"
            f"- machine: {about.machine}\n- versions: {versions}\n"
        )
        return "\n".join(parts)

    def to_json(self) -> str:
        """The report as JSON; numbers that are not defined are null."""
        return json.dumps(_without_nan(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str = "report") -> Report:
        """The report that :meth:`to_json` wrote; ``where`` names the file in errors.

        Raises:
            ValueError: if the text is not such a report.
        """
        try:
            values = json.loads(text)
            tables = tuple(_table(table) for table in values["tables"])
            return cls(values["title"], tables, Provenance(**values["provenance"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: not a report of vtonlib ({type(error).__name__}: {error})") from None

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write ``report.md`` and ``report.json`` into ``folder``; a file that is there is replaced only when whole."""
        paths = folder / "report.md", folder / "report.json"
        for path, text in zip(paths, (self.markdown(), self.to_json()), strict=True):
            replace_text(path, text)
        return paths


def beats(report: Report, split: str, metric: str, model: str, baseline: str) -> bool:
    """Whether ``model`` is better than ``baseline`` and their intervals do not overlap.

    False where either has no interval.

    Raises:
        KeyError: for an unknown split, metric or method, listing the known ones.
        ValueError: for a ratio, of which neither more nor less is better.
    """
    table = report.table(split)
    better = table.metrics[_find([m.name for m in table.metrics], metric, "metric")].better
    if better == "one":
        raise ValueError(f"'{metric}' is best at 1: neither more nor less of it is better")
    ours, theirs = table.cell(model, metric), table.cell(baseline, metric)
    if ours is None or theirs is None:
        return False
    return ours.low > theirs.high if better == "higher" else ours.high < theirs.low


def _find(names: list[str], name: str, kind: str) -> int:
    if name not in names:
        raise KeyError(f"no {kind} '{name}'; there are: {', '.join(names)}")
    return names.index(name)


def _text(cell: Cell, digits: int) -> str:
    if cell is None or math.isnan(cell.mean):
        return "—"
    mean = f"{cell.mean:.{digits}f}"
    return mean if math.isnan(cell.low) else f"{mean} [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: null stands for it. Intervals become objects."""
    if isinstance(value, Interval):
        return _without_nan(value._asdict())
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _table(values: dict[str, Any]) -> Table:
    metrics = tuple(Metric(**metric) for metric in values["metrics"])
    rows = tuple(Row(r["method"], r["kind"], tuple(_cell(c) for c in r["cells"])) for r in values["rows"])
    return Table(values["split"], metrics, rows, values["chance"])


def _cell(values: dict[str, Any] | None) -> Cell:
    if values is None:
        return None
    mean, low, high = (math.nan if values[key] is None else values[key] for key in ("mean", "low", "high"))
    return Interval(mean, low, high, values["n"])


def _machine() -> str:
    cpu = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return f"{cpu}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else cpu
