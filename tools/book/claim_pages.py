"""Claims as the site shows them: a card each, with what was measured, what it had to meet, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.book import claims
from tools.book.claims import Claim

AGAIN = {
    "all seeds": "with every change, all seeds ({all})",
    "one seed": "with every change, the first seed ({each}); all seeds on demand ({all})",
    "on demand": "only on demand ({all}; {each} a seed)",
    "stored benchmark": "only by running the benchmark ({all}); every change compares this record with its results",
}
"""What is said of each kind of claim."""


def duration(seconds: float) -> str:
    """Seconds as one says them."""
    if seconds < 1:
        return "under a second"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def anchor(name: str) -> str:
    """A target that links from notebooks and other sites can name."""
    return f'<span id="{name}"></span>'


def card(claim: Claim, quoted_in: Sequence[str]) -> list[str]:
    """One claim, as Markdown; ``quoted_in`` are links to the pages that quote it."""
    head = [f"(claim-{claim.name})=", f":::::{{card}} {claim.name}", ":class-card: book-card", ""]
    if not claim.measured:
        return [*head, "Not measured.", ":::::", ""]
    state = "does not hold" if claims.problems(claim) else "holds"
    lines = [*head, f"{anchor(claim.name)}{claim.quote('')}", "", f"**{state.capitalize()}.** It must be that", ""]
    lines += [f"- {condition(claim, entry)}" for entry in claim.record["conditions"]]
    lines += ["", *metrics(claim), "", *origin(claim), "", f"**Quoted in** {', '.join(quoted_in) or 'no page'}."]
    return [*lines, ":::::", ""]


def condition(claim: Claim, entry: dict[str, Any]) -> str:
    """The hypothesis, and beside it the formula that tests it."""
    scope = {"every seed": "for every seed", "mean": "on average", "interval": "at the interval's worse end"}
    return f"{entry['hypothesis']} (`{entry['metric']} {entry['op']} {entry['bound']}` {scope[entry['of']]})"


def metrics(claim: Claim) -> list[str]:
    """The table of what was measured."""
    lines = ["| metric | mean | 95 % interval | seed by seed |", "|---|---|---|---|"]
    for name, entry in claim.record["metrics"].items():
        form, at = entry.get("format", ".2f"), f"{claim.name}.{name}"
        unit = f" ({entry['unit']})" if entry.get("unit") else ""
        interval = f"{anchor(f'{at}.interval')}{anchor(f'{at}.range')}{claim.quote(f'{name}.interval')}"
        seeds = ", ".join(format(value, form) for value in entry["values"])
        lines.append(f"| {anchor(at)}`{name}`{unit} | {claim.quote(name)} | {interval} | {seeds} |")
    return lines


def origin(claim: Claim) -> list[str]:
    """How it was measured, how it is measured again, what that costs, and how far values may move."""
    measured, record = claim.record["measured"], claim.record
    hardware = measured["machine"].get("gpu") or f"{measured['machine']['cores']} cores, {measured['machine']['cpu']}"
    cost = {"each": duration(claim.each), "all": duration(measured["seconds"])}
    verb = "Read" if claim.stored else "Measured"
    seeds = f"{anchor(f'{claim.name}.seeds')}{len(record['seeds'])} seeds"
    versions = f"torch {measured['versions']['torch']}"
    lines = [
        f"**Measured again** {AGAIN[record['again']].format(**cost)}.",
        "",
        f"**{verb}** {measured['date']} for {seeds} on {hardware}, {versions}, by `{measured['command']}`.",
    ]
    why = {name: entry["why"] for name, entry in record["metrics"].items() if "why" in entry}
    reasons: dict[str, list[str]] = {}
    for name, reason in why.items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    loose = [f"{', '.join(names)} ({reason})" for reason, names in reasons.items()]
    return [*lines, "", f"**May move far** when measured again: {'; '.join(loose)}."] if loose else lines
