"""Errata are dated and lead to the page that was mended; the way to a chapter names what there is."""

from __future__ import annotations

import datetime
import re

from tools.book import anatomy
from tools.shell import ROOT
from tools.site import pages

ROW = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| ([^|]+) \| [^|]{20,} \| [^|]{20,} \|$", re.MULTILINE)


def test_errata_are_dated_newest_first() -> None:
    text = (ROOT / "book" / "errata.md").read_text(encoding="utf8")
    rows = ROW.findall(text)
    assert len(rows) == text.count("\n| 2") and rows
    dates = [datetime.date.fromisoformat(date) for date, _ in rows]
    assert dates == sorted(dates, reverse=True)
    assert all(re.search(r"\{doc\}`/\S+`|`\w+", where) for _, where in rows)


def test_the_way_to_a_chapter_names_what_there_is() -> None:
    text = (ROOT / "book" / "contributing.md").read_text(encoding="utf8")
    verbs = set(re.findall(r"python3 -m tools ([a-z-]+)", text))
    job = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
    assert {"lint", "run", "check-notebooks", "claims", "derive", "serve", "test"} <= verbs
    assert all(
        f"`{verb}`" in job or f"tools {verb}" in job or f"`{verb} " in job or f", `{verb}`" in job for verb in verbs
    )
    for file in re.findall(r"`((?:book|vtonlib|notebooks)/[\w./]+)`", text):
        assert (ROOT / file).exists() or "21_short_name" in file, file
    assert "all fifteen" in " ".join(text.split()) and len(anatomy.BLOCKS) == 15
    assert {"book/teaching", "book/errata", "book/contributing", "book/citing", "book/glossary"} <= set(pages())
