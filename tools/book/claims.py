"""Claims: statements with their measurements, kept as JSON, held to conditions, and quoted by pages.

claims/NAME.json states a claim, claims/NAME.py (dashes as underscores) measures it: ``measure(seed)`` returns the value
of each metric.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.shell import ROOT

FOLDER = ROOT / "claims"
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom; beyond the table the next smaller row is used.
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
KEYS = {"statement", "section", "device", "seeds", "metrics", "conditions"}
MEASURED = {"seconds", "command", "date", "machine", "versions"}


@dataclass(frozen=True)
class Claim:
    """One claim, as its file holds it."""

    name: str
    record: dict[str, Any]

    @property
    def script(self) -> Path:
        """The file that measures it."""
        return FOLDER / f"{self.name.replace('-', '_')}.py"

    @property
    def measured(self) -> bool:
        """Whether it holds measurements."""
        return "measured" in self.record and all("values" in m for m in self.record["metrics"].values())

    def values(self, metric: str) -> list[float]:
        """What was measured, seed by seed."""
        return self.record["metrics"][metric]["values"]

    def quote(self, field: str) -> str:
        """What a page shows for ``metric``, ``metric.interval``, ``metric.range``, ``seeds``, or "" (the statement).

        Raises:
            KeyError: for a field that the claim does not have.
        """
        if not field:
            return re.sub(r"\{([\w.-]+)\}", lambda match: self.quote(match[1]), self.record["statement"])
        if field == "seeds":
            return str(len(self.record["seeds"]))
        metric, _, part = field.partition(".")
        if metric not in self.record["metrics"] or part not in {"", "interval", "range"}:
            raise KeyError(f"the claim '{self.name}' has no '{field}'")
        values, form = self.values(metric), self.record["metrics"][metric].get("format", ".2f")
        if not part:
            return format(sum(values) / len(values), form)
        low, high = interval(values) if part == "interval" else (min(values), max(values))
        return f"{format(low, form)} to {format(high, form)}"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean over seeds, by Student's t; a single value is its own interval."""
    n, mean = len(values), sum(values) / len(values)
    if n == 1:
        return mean, mean
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    half = STUDENT[min(n - 1, len(STUDENT)) - 1] * spread
    return mean - half, mean + half


def load() -> dict[str, Claim]:
    """All claims by name."""
    return {f.stem: Claim(f.stem, json.loads(f.read_text(encoding="utf8"))) for f in sorted(FOLDER.glob("*.json"))}


def schema_problems(claim: Claim) -> list[str]:
    """What a claim's file lacks."""
    record = claim.record
    if missing := sorted(KEYS - record.keys()):
        return [f"lacks {', '.join(missing)}"]
    found = [] if claim.script.exists() else [f"its script claims/{claim.script.name} is not there"]
    found += [] if record["device"] in {"cpu", "cuda"} else [f"device is {record['device']!r}, expected cpu or cuda"]
    found += [] if record["conditions"] else ["has no condition that could fail"]
    for condition in record["conditions"]:
        wrong = condition.keys() != {"metric", "op", "bound", "of"} or condition["op"] not in OPERATORS
        wrong = wrong or condition["of"] not in {"every seed", "mean", "interval"}
        wrong = wrong or condition["metric"] not in record["metrics"]
        found += [f"condition {condition} is not understood"] if wrong else []
    if not claim.measured:
        return [*found, f"is not measured: python3 -m tools claims --measure {claim.name}"]
    found += [f"its measurement lacks {key}" for key in sorted(MEASURED - record["measured"].keys())]
    found += [f"{m}: {len(claim.values(m))} values for {len(record['seeds'])} seeds" for m in record["metrics"]
              if len(claim.values(m)) != len(record["seeds"])]  # fmt: skip
    stored = {m: entry.get("interval") for m, entry in record["metrics"].items()}
    found += [f"{m}: its interval does not follow from its values" for m in stored if stored[m] != rounded(claim, m)]
    return found


def rounded(claim: Claim, metric: str) -> list[float]:
    """The interval as a file stores it."""
    return [float(f"{bound:.6g}") for bound in interval(claim.values(metric))]


def broken(conditions: Sequence[Mapping[str, Any]], values: Mapping[str, Sequence[float]], *, every: bool) -> list[str]:
    """The conditions that ``values`` do not meet; with ``every``, only those that each seed must meet are looked at."""
    found = []
    for condition in conditions:
        if every and condition["of"] != "every seed":
            continue
        measured, compare = values[condition["metric"]], OPERATORS[condition["op"]]
        ends = {"every seed": measured, "mean": [sum(measured) / len(measured)], "interval": interval(measured)}
        wrong = [value for value in ends[condition["of"]] if not compare(value, condition["bound"])]
        if wrong:
            rule = f"{condition['metric']} {condition['op']} {condition['bound']} ({condition['of']})"
            found.append(f"does not hold: {rule}, found {', '.join(f'{value:.4g}' for value in wrong)}")
    return found


def problems(claim: Claim) -> list[str]:
    """What is wrong with the record of a claim, conditions included."""
    found = schema_problems(claim)
    if not found:
        values = {metric: claim.values(metric) for metric in claim.record["metrics"]}
        found = broken(claim.record["conditions"], values, every=False)
        try:
            claim.quote("")
        except KeyError as error:
            found.append(f"its statement: {error.args[0]}")
    return [f"claims/{claim.name}.json: {problem}" for problem in found]


def differences(claim: Claim, metric: str, new: Sequence[float]) -> list[str]:
    """The seeds, from the first, whose new value is farther from the stored one than the metric's tolerance."""
    tolerance = claim.record["metrics"][metric].get("tolerance", 0.02)
    pairs = zip(claim.record["seeds"], claim.values(metric), new, strict=False)
    return [
        f"{metric}, seed {seed}: {is_:.6g}, stored {was:.6g}, allowed {tolerance:.0%}"
        for seed, was, is_ in pairs
        if not abs(is_ - was) <= tolerance * max(abs(was), 1e-9)
    ]
