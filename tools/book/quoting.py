"""Numbers in prose: what names a record, and carries its value as its text.

Notebooks have links and comments (tools.book.plain). On pages of the site and inside Sphinx they are roles:

``{claim}`name.metric``` names a claim, ``{value}`name``` a number that a cell of the same notebook quotes, and
``{run}`this``` the notebook's run time. Filling writes the value in front: ``{claim}`0.42 <name.metric>```. So the text
is there to read, and a value that is not the record's is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tools.book import plain
from tools.book.claims import Claim
from tools.book.page import Page

ROLE = re.compile(r"(?<!`)\{(claim|value|run)\}`(?:([^`<]*?)\s*<([^`>]+)>|([^`<]+))`")


def target(match: re.Match[str]) -> str:
    """What a role names."""
    return (match[3] or match[4]).strip()


def claim_value(name: str, claims: Mapping[str, Claim]) -> str:
    """The text of ``claim`` or ``claim.field``.

    Raises:
        KeyError: where there is no such claim, measurement or field.
    """
    claim, _, field = name.partition(".")
    if claim not in claims:
        raise KeyError(f"there is no claim '{claim}' in claims/")
    if not claims[claim].measured:
        raise KeyError(f"the claim '{claim}' is not measured: python3 -m tools claims --measure {claim}")
    return claims[claim].quote(field)


def values(page: Page) -> dict[str, str]:
    """The numbers that the cells of a notebook quote."""
    return {name: value for cell in page.code for data in cell.data for name, value in data.get("values", {}).items()}


def run_value(name: str, runs: Mapping[str, Mapping[str, object]]) -> str:
    """The run time of a notebook as a reader says it; rounded up, so that it changes only with the notebook."""
    if name not in runs:
        raise KeyError(f"results/notebooks.json does not know '{name}': python3 -m tools run {name}.ipynb")
    seconds = int(str(runs[name]["seconds"]))
    step = 5 if seconds <= 30 else 10 if seconds <= 120 else 60
    rounded = -(-max(seconds, 1) // step) * step
    return f"under {rounded} seconds" if rounded <= 120 else f"under {rounded // 60} minutes"


def resolver(
    page: Page, claims: Mapping[str, Claim], runs: Mapping[str, Mapping[str, object]]
) -> Callable[[str, str], str]:
    """A function of role and target that returns the text; it raises KeyError for what is not there."""
    quoted = values(page)

    def resolve(role: str, name: str) -> str:
        if role == "claim":
            return claim_value(name, claims)
        if role == "run":
            return run_value(page.name if name == "this" else name, runs)
        if name not in quoted:
            raise KeyError(f"no cell quotes '{name}'; quoted are: {', '.join(sorted(quoted)) or 'none'}")
        return quoted[name]

    return resolve


def filled(text: str, resolve: Callable[[str, str], str]) -> str:
    """``text`` with the value of each role that can be resolved."""

    def fill(match: re.Match[str]) -> str:
        try:
            value = resolve(match[1], target(match))
        except KeyError:
            return match[0]
        return f"{{{match[1]}}}`{value} <{target(match)}>`"

    return ROLE.sub(fill, text)


def problems(text: str, resolve: Callable[[str, str], str]) -> list[str]:
    """The roles that name nothing, and those whose text is not the record's."""
    found = []
    for match in ROLE.finditer(text):
        try:
            value = resolve(match[1], target(match))
        except KeyError as error:
            found.append(f"{match[0]}: {error.args[0]}")
            continue
        if match[2] is None or match[2].strip() != value:
            found.append(f"{match[0]}: the record says '{value}'; run: python3 -m tools.notebooks fix")
    return found


def quoted_targets(page: Page) -> set[str]:
    """What a page quotes of claims: ``name``, ``name.metric``, ``name.metric.interval``, ..."""
    if page.notebook:
        references = (r for cell in page.markdown for r in plain.references(cell.source))
        return {reference.target for reference in references if reference.kind == "claim"}
    return {target(role) for cell in page.markdown for role in ROLE.finditer(cell.source) if role[1] == "claim"}


def quoted_claims(page: Page) -> set[str]:
    """The claims that a page quotes."""
    return {name.partition(".")[0] for name in quoted_targets(page)}
