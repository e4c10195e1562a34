"""Claims as the site shows them: a card each, with what was measured, what it had to meet, and what it costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
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


def card(claim: Claim, quoted_in: Sequence[str], quoted: Collection[str]) -> list[str]:
    """One claim, as Markdown; ``quoted_in`` are links to the pages that quote it, ``quoted`` the metrics they quote."""
    head = [f"(claim-{claim.name})=", f":::::{{card}} {claim.name}", ":class-card: book-card", ""]
    if not claim.measured:
        return [*head, "Not measured.", ":::::", ""]
    state = "does not hold" if claims.problems(claim) else "holds"
    lines = [*head, f"{anchor(claim.name)}{claim.quote('')}", "", f"**{state.capitalize()}.** It must be that", ""]
    lines += [f"- {condition(claim, entry)}" for entry in claim.record["conditions"]]
    lines += [
        "",
        *metrics(claim, quoted),
        "",
        *origin(claim),
        "",
        f"**Quoted in** {', '.join(quoted_in) or 'no page'}.",
    ]
    return [*lines, ":::::", ""]


def condition(claim: Claim, entry: dict[str, Any]) -> str:
    """The hypothesis, and beside it the formula that tests it."""
    scope = {"every seed": "for every seed", "mean": "on average", "interval": "at the interval's worse end"}
    return f"{entry['hypothesis']} (`{entry['metric']} {entry['op']} {entry['bound']}` {scope[entry['of']]})"


HEAD = "<tr><th>metric</th><th>mean</th><th>95 % interval</th><th>seed by seed</th></tr>"


def metrics(claim: Claim, quoted: Collection[str]) -> list[str]:
    """The table of what was measured, as far as a page quotes it or a condition tests it; the rest is counted.

    In HTML: thousands of rows of Markdown would make the page slow to build and to open.
    """
    shown = {*quoted, *(entry["metric"] for entry in claim.record["conditions"])}
    rows = [row(claim, name, entry) for name, entry in claim.record["metrics"].items() if name in shown]
    table = ['<div class="pst-scrollable-table-container" tabindex="0"><table class="table">', HEAD, *rows]
    lines = ["```{raw} html", *table, "</table></div>", "```"] if rows else []
    more = len(claim.record["metrics"].keys() - shown)
    return [*lines, "", f"{more} more, quoted nowhere, in `claims/{claim.name}.json`."] if more else lines


def row(claim: Claim, name: str, entry: Mapping[str, Any]) -> str:
    """One metric, as a row of the table; its cells are targets of links."""
    at, unit = f"{claim.name}.{name}", f" ({escape(entry['unit'])})" if entry.get("unit") else ""
    seeds = ", ".join(format(value, entry.get("format", ".2f")) for value in entry["values"])
    mean, interval = escape(claim.quote(name)), escape(claim.quote(f"{name}.interval"))
    ends = f'<td id="{at}.interval"><span id="{at}.range">{interval}</span></td>'
    return f'<tr id="{at}"><td><code>{escape(name)}</code>{unit}</td><td>{mean}</td>{ends}<td>{seeds}</td></tr>'


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
