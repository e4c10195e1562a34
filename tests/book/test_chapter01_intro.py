"""The first page shows the explorer of chapter 01 itself."""

from __future__ import annotations

import re

import pytest

from tools.book.shown import stored_html
from tools.shell import ROOT


def test_the_first_page_shows_an_explorer() -> None:
    text = (ROOT / "book" / "index.md").read_text(encoding="utf8")
    shown = re.findall(r"^```\{book-output\} (\S+) (\S+)$", text, flags=re.MULTILINE)
    explorers = [page for page, tag in shown if tag == "explorer"]
    assert explorers == ["notebooks/01_world"]
    html = stored_html(explorers[0], "explorer")
    assert html.startswith("<vton-attention") and '<script type="module">' in html


@pytest.mark.parametrize(
    ("name", "tag", "complaint"),
    [
        ("notebooks/01_world", "no-such-tag", "expected one code cell tagged no-such-tag, found 0"),
        ("notebooks/01_world", "figure", "expected one code cell tagged figure, found"),
        ("notebooks/01_world", "setup", "0 HTML outputs"),
        ("notebooks/99_none", "explorer", "found 0"),
    ],
)
def test_what_is_not_there_is_named(name: str, tag: str, complaint: str) -> None:
    with pytest.raises(LookupError, match=complaint):
        stored_html(name, tag)
