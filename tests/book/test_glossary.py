"""The glossary is held to the chapters."""

from __future__ import annotations

import pytest

from tools.book import glossary, reference
from tools.book.glossary import Term
from tools.book.page import Cell, Page, all_pages


def test_every_term_is_explained_once_and_used_there() -> None:
    assert glossary.problems(all_pages()) == []


def test_the_glossary_is_sorted_and_has_three_languages() -> None:
    names = [term.name.lower() for term in glossary.terms()]
    assert names == sorted(names) and 80 <= len(names) <= 160
    lines = reference.term_table(all_pages())
    assert len(lines) == len(names) + 2
    row = next(line for line in lines if "`flow <sec-flow>`" in line)
    assert '<span lang="zh">流场</span>' in row and '<span lang="ko">' in row


@pytest.mark.parametrize(
    ("text", "used"),
    [("Flows differ.", True), ("the *flow's* end", True), ("a workflow", False), ("a long field of it", False)],
)
def test_a_use_is_a_whole_word(text: str, used: bool) -> None:
    assert Term("flow (flow field)", "x", "x", "sec-x", "x").used(text) is used
    assert Term("flow (field of flow)", "x", "x", "sec-x", "x").used("The FIELD of FLOW.")


def test_what_is_wrong_is_named() -> None:
    text = '<a id="sec-x"></a>\n\n# X\n\nIt has a [flow](x.ipynb#sec-mask) and `code`.'
    page = Page(name="notebooks/91_x", cells=(Cell(number=0, kind="markdown", source=text),), notebook=True)
    known = [Term(name, "k", "z", section, means) for name, section, means in (
        ("flow", "sec-x", "fine"), ("Flow", "sec-x", "twice"), ("mask", "sec-x", "only in an address"),
        ("code", "sec-x", "no word of the text"), ("it", "sec-y", "no section"), ("has", "sec-x", ""),
    )]  # fmt: skip
    assert glossary.problems([page], known) == [
        "book/glossary.toml has 'flow' twice",
        "book/glossary.toml: notebooks/91_x does not use 'mask'",
        "book/glossary.toml: notebooks/91_x does not use 'code'",
        "book/glossary.toml: 'it': no page has the section sec-y",
        "book/glossary.toml: 'has' lacks a language, or its meaning",
    ]
