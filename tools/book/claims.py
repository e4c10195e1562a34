"""Claims: statements with their measurements, kept as JSON, held to conditions, and quoted by pages.

claims/NAME.json states a claim, claims/NAME.py (dashes as underscores) measures it: ``measure(seed)`` returns the value
of each metric. The record says what is done again with every change (``again``), and for each condition the hypothesis
that it tests.
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
AGAIN = ("all seeds", "one seed", "on demand", "stored benchmark")
"""What every change does to a claim: measure it again, not at all, or compare it with the benchmark's results."""
DAILY = 200
"""Seconds that all claims together may take with every change, on one core."""
FREE = 0.25
"""The part of a mean that a value may move without a reason being given."""
KEYS = {"statement", "section", "device", "seeds", "again", "metrics", "conditions"}
CONDITION = {"metric", "op", "bound", "of", "hypothesis"}
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

    @property
    def stored(self) -> bool:
        """Whether it only reads what a benchmark stored."""
        return self.record["again"] == "stored benchmark"

    @property
    def each(self) -> float:
        """Seconds that one seed took."""
        return self.record["measured"]["seconds"] / len(self.record["seeds"])

    @property
    def daily_seeds(self) -> list[int]:
        """The seeds that every change measures again, or reads again."""
        return self.record["seeds"][: {"one seed": 1, "on demand": 0}.get(self.record["again"])]

    @property
    def daily_seconds(self) -> float:
        """What that takes; reading costs nothing."""
        return 0.0 if self.stored else self.each * len(self.daily_seeds)

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
    found += _again_problems(record) + _condition_problems(record)
    if not claim.measured:
        return [*found, f"is not measured: python3 -m tools claims --measure {claim.name}"]
    found += [f"its measurement lacks {key}" for key in sorted(MEASURED - record["measured"].keys())]
    found += [f"{m}: {len(claim.values(m))} values for {len(record['seeds'])} seeds" for m in record["metrics"]
              if len(claim.values(m)) != len(record["seeds"])]  # fmt: skip
    found += [f'{m}: may move by more than {FREE:.0%} of its mean without a "why"' for m in record["metrics"]
              if not record["metrics"][m].get("why") and _loose(claim, m)]  # fmt: skip
    stored = {m: entry.get("interval") for m, entry in record["metrics"].items()}
    found += [f"{m}: its interval does not follow from its values" for m in stored if stored[m] != rounded(claim, m)]
    return found


def _again_problems(record: Mapping[str, Any]) -> list[str]:
    again, benchmark = record["again"], record.get("benchmark", {})
    if again not in AGAIN:
        return [f'"again" is {again!r}, expected one of {", ".join(AGAIN)}']
    if again == "stored benchmark":
        gone = [file for file in benchmark.get("results", [""]) if not (ROOT / file).is_file()]
        complete = benchmark.keys() == {"command", "results"} and not gone
        return [] if complete else ['"benchmark" must give the command and the result files, which must be there']
    found = ['has a "benchmark", so "again" must be "stored benchmark"'] if benchmark else []
    needs_gpu = record["device"] == "cuda" and again != "on demand"
    return found + (['needs a GPU, so "again" must be "on demand"'] if needs_gpu else [])


def _condition_problems(record: Mapping[str, Any]) -> list[str]:
    found = [] if record["conditions"] else ["has no condition that could fail"]
    for condition in record["conditions"]:
        shown = {key: value for key, value in condition.items() if key != "hypothesis"}
        if len(condition.get("hypothesis", "").split()) < 4:
            found.append(f'condition {shown}: "hypothesis" must say in words what it tests')
        wrong = condition.keys() - {"hypothesis"} != CONDITION - {"hypothesis"} or condition["op"] not in OPERATORS
        wrong = wrong or condition["of"] not in {"every seed", "mean", "interval"}
        wrong = wrong or condition["metric"] not in record["metrics"]
        found += [f"condition {shown} is not understood"] if wrong else []
    return found


def allowance(claim: Claim, metric: str, stored: float) -> float:
    """How far a new value may be from ``stored``: ``within``, or ``tolerance`` (0.02) times the stored value."""
    entry = claim.record["metrics"][metric]
    return entry.get("within", entry.get("tolerance", 0.02) * max(abs(stored), 1e-9))


def _loose(claim: Claim, metric: str) -> bool:
    mean = abs(sum(claim.values(metric)) / len(claim.values(metric)))
    return allowance(claim, metric, mean) > FREE * max(mean, 1e-9)


def budget_problems(known: Mapping[str, Claim]) -> list[str]:
    """Whether the claims that every change measures again take too long."""
    seconds = sum(claim.daily_seconds for claim in known.values() if claim.measured)
    return [f"claims: measured again with every change, they take {seconds:.0f} s, allowed {DAILY}"] * (seconds > DAILY)


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
    pairs = zip(claim.record["seeds"], claim.values(metric), new, strict=False)
    return [
        f"{metric}, seed {seed}: {is_:.6g}, stored {was:.6g}, allowed +- {allowance(claim, metric, was):.3g}"
        for seed, was, is_ in pairs
        if not abs(is_ - was) <= allowance(claim, metric, was)
    ]
