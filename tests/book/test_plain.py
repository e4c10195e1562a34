"""The plain form of notebooks: what it says, what the site makes of it, and what tools fill in."""

from __future__ import annotations

import json
import re

import pytest
from markdown_it import MarkdownIt

from tools.book import form, links, myst, page, plain, wrap
from tools.book.links import Places, Reader
from tools.book.page import DATA_MIME, Cell, Page, all_pages
from tools.site import published

SITE = published()
EQUATION = '<a id="eq-x"></a>\n\n$$\nx = 1\n\\tag{7.1}\n$$'
PLACES = Places(
    {"eq-x": "notebooks/07_cross_attention", "sec-a": "notebooks/01_world", "sec-log": "book/log"},
    {"eq-x": "7.1"},
    frozenset({"3"}),
)


def resolve(kind: str, name: str) -> str:
    return {"claim": {"c.m": "0.50 to 0.60"}, "value": {"epe": "3 %"}, "run": {"notebooks/01_world": "under 5 s"}}[
        kind
    ][name]


READER = Reader("notebooks/07_cross_attention", PLACES, resolve)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<a id="sec-x"></a>\n\n# Title', "(sec-x)=\n\n# Title"),
        (EQUATION, "$$\nx = 1\n$$ (eq-x)"),
        ("By [(7.1)](07_x.ipynb#eq-x) and [(7.1)](#eq-x).", "By {eq}`eq-x` and {eq}`eq-x`."),
        ("See [a `b` c](01_world.ipynb#sec-a).", "See [a `b` c](#sec-a)."),
        ("See [one](01_world.ipynb).", "See [one](/notebooks/01_world.ipynb)."),
        (f"[1.19 to\n1.28]({SITE}book/claims.html#c.m.interval)", "{claim}`1.19 to 1.28 <c.m.interval>`"),
        (f"[5 s]({SITE}book/status.html#01_world)", "{run}`5 s <notebooks/01_world>`"),
        ("It is 3\u00a0%<!--epe-->.", "It is {value}`3 % <epe>`."),
        (f"[Kim (2024)]({SITE}book/bibliography.html#kim)", "{paper}`Kim (2024) <kim>`"),
        (f"[`f`]({SITE}book/api/grids.html#vtonlib.grids.f)", "[`f`](#vtonlib.grids.f)"),
        (f"[D3]({SITE}book/ledger.html#d3)", "[D3](#d3)"),
        (f"[log]({SITE}book/log.html#sec-log), [all]({SITE}book/log.html)", "[log](#sec-log), {doc}`all </book/log>`"),
        (f"![A.]({SITE}_static/a.svg)", "![A.](/book/_static/a.svg)"),
        ("`[(7.1)](#eq-x)` and $a[(1)](b)$", "`[(7.1)](#eq-x)` and $a[(1)](b)$"),
        (f"```\n{EQUATION}\n3<!--epe-->\n> **A**\n```", f"```\n{EQUATION}\n3<!--epe-->\n> **A**\n```"),
        ("[x](https://x.org/#y)", "[x](https://x.org/#y)"),
        ("> said\n> so", "> said\n> so"),
        (
            f"<details><summary>Why?</summary>\n\n{EQUATION}\n\n</details>",
            "::::::{dropdown} Why?\n\n$$\nx = 1\n$$ (eq-x)\n\n::::::",
        ),
    ],
)
def test_myst_of_plain(source: str, expected: str) -> None:
    assert myst.text(source) == expected


def test_boxes_become_admonitions() -> None:
    text = "> **D3. Sum?**\n>\n> **Paper.** [(7.1)](#eq-x)\n\nx\n\n> **Take away**\n>\n> - a\n> - b"
    expected = ":::{admonition} D3. Sum?\n:class: disagreement\n:name: D3\n\n\n**Paper.** {eq}`eq-x`\n:::\n"
    made = myst.text(text)
    assert re.sub(r"\n+", "\n", made).startswith(re.sub(r"\n+", "\n", expected))
    assert ":::{admonition} Take away\n:class: tip\n" in made and made.rstrip().endswith("- a\n- b\n:::")


def test_notebooks_for_the_site_have_no_echoes() -> None:
    values = {"output_type": "display_data", "data": {"text/plain": "", DATA_MIME: {"values": {"a": "1"}}}}
    said = {"output_type": "stream", "name": "stdout", "text": "vtonlib 0.1"}
    cells = [
        {
            "cell_type": "code",
            "source": ["# @title Setup\n", "x = 1"],
            "outputs": [said],
            "metadata": {"tags": ["setup"]},
        },
        {"cell_type": "code", "source": ["x"], "outputs": [said, values], "metadata": {}},
        {"cell_type": "markdown", "source": ["[D3](", f"{SITE}book/ledger.html#d3)"], "metadata": {}},
    ]
    setup, other, text = json.loads(myst.notebook(json.dumps({"cells": cells})))["cells"]
    assert setup["outputs"] == [] and "hide-input" in setup["metadata"]["tags"] and setup["source"] == "x = 1"
    assert setup["metadata"]["mystnb"]["code_prompt_show"] == "Setup"
    assert other["outputs"] == [said] and text["source"] == "[D3](#d3)"


def test_references_are_filled_and_held_to_what_they_name() -> None:
    text = f"?<!--epe--> [?]({SITE}book/claims.html#c.m) [(9)](#eq-x) [a](#sec-a) [l](#sec-log)"
    text += f" [D]({SITE}book/ledger.html#d3)"
    filled = links.filled(text, READER)
    assert filled == (
        f"3\u00a0%<!--epe--> [0.50 to 0.60]({SITE}book/claims.html#c.m) [(7.1)](#eq-x) [a](01_world.ipynb#sec-a) "
        f"[l]({SITE}book/log.html#sec-log) [D]({SITE}book/ledger.html#d3)"
    )
    assert links.filled(filled, READER) == filled and links.problems(filled, READER) == []
    assert len(links.problems(text, READER)) == 5
    elsewhere = Reader("notebooks/01_world", PLACES, resolve)
    assert links.filled("[(1)](#eq-x) [a](x.ipynb#sec-a)", elsewhere) == (
        "[(7.1)](07_cross_attention.ipynb#eq-x) [a](#sec-a)"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[x](#sec-gone)", "no page has the anchor 'sec-gone'"),
        ("[(1)](#eq-gone)", "no page has the anchor 'eq-gone'"),
        ("[x](99_no.ipynb)", "there is no 99_no.ipynb"),
        ("[x](../book/no.svg)", "there is no file ../book/no.svg"),
        ("1<!--gone-->", "gone"),
        (f"[1]({SITE}book/claims.html#gone.m)", "gone.m"),
        (f"[x]({SITE}book/bibliography.html#nobody2001)", "references.bib has no 'nobody2001'"),
        (f"[x]({SITE}book/api.html#vtonlib.grids.gone)", "vtonlib has no 'vtonlib.grids.gone'"),
        (f"[x]({SITE}book/ledger.html#d99)", "no page has a box D99"),
        (f"[x]({SITE}book/gone.html)", "the site has no page book/gone"),
        ("so <!--epe-->", "a number must stand directly before"),
    ],
)
def test_links_that_lead_nowhere(text: str, complaint: str) -> None:
    assert complaint in " ".join(links.problems(text, READER))


def test_an_entry_that_does_not_end_is_found() -> None:
    good = "@book{a1,\n  title = {{A} b},\n}\n\n@book{b2,\n  title = {C}\n}\n"
    assert links.unclosed(good) == [] and links.unclosed(good.replace("\n}\n\n@", "\n\n@")) == ["@book{a1"]


def test_equations_are_numbered() -> None:
    text = f"{EQUATION}\n\n" + '<a id="eq-y"></a>\n\n$$\na \\\\\nb\n$$'
    chapter = Page(name="notebooks/07_x", cells=(Cell(number=0, kind="markdown", source=text),), notebook=True)
    numbers = links.equation_numbers(chapter)
    assert numbers == {"eq-x": "7.1", "eq-y": "7.2"}
    numbered = links.numbered(text.replace("7.1", "?"), numbers)
    assert numbered == text.replace("b\n$$", "b\n\\tag{7.2}\n$$") and links.numbered(numbered, numbers) == numbered


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{ref}`sec-x`", "a role"),
        ("(sec-x)=\n# A", "a target"),
        (":::{note}\nx\n:::", "a directive"),
        ("> :::{note}", "a directive"),
        ("```{note}\nx\n```", "directives"),
        ("$$\nx\n$$ (eq-x)", "an equation's label"),
        ("a[^1]", "a footnote"),
        ("% x", "a comment"),
        ("[](#sec-x)", "a link without text"),
        ("<div>x</div>", "other HTML"),
        ("![x](a.png){width=3}", "an attribute"),
        ("word " * 20, "over 79"),
    ],
)
def test_raw_markup_is_found(text: str, name: str) -> None:
    assert name in " ".join(form.plain_problems(Cell(number=0, kind="markdown", source=text.strip())))


@pytest.mark.parametrize(
    "text", ["`{ref}`", "a (sec-x)", "$\\{a\\}$ 5 % of", "<details><summary>a</summary>\n\nb\n\n</details>"]
)
def test_plain_markdown_may_stand(text: str) -> None:
    assert list(form.plain_problems(Cell(number=0, kind="markdown", source=text))) == []


def test_long_lines_are_broken_between_words() -> None:
    text = "> - one `two three` " + "word " * 20 + "[a b](x) $c d$\n>   end\n\n| " + "cell " * 30 + "|"
    wrapped = wrap.wrapped(text)
    assert wrap.wrapped(wrapped) == wrapped and wrapped.split("\n")[-1] == text.split("\n")[-1]
    lines = wrapped.split("\n")[:-2]
    assert len(lines) == 2 and max(map(len, lines)) <= 79 and all(line.startswith((">   ", "> - ")) for line in lines)
    assert " ".join(wrapped.replace("\n>", " ").split()) == " ".join(text.replace("\n>", " ").split())
    assert wrap.wrapped("# " + "word " * 30) == "# " + "word " * 30


def test_crowded_paragraphs_are_found() -> None:
    numbers = " ".join(f"{n}<!--v{n}-->" for n in range(5))
    assert list(form.crowded(f"Now {numbers}.")) != [] and list(form.crowded(f"| {numbers} |")) == []
    assert list(form.crowded("1<!--a--> 2<!--b-->\n\n3<!--c--> 4<!--d--> 5<!--e-->")) == []


PLAIN = MarkdownIt("commonmark").enable("table")
LEFT = re.compile(
    r"\{[a-z:]+\}(?:<code>|`)|:::|\(sec-[\w-]+\)=|\$\$ ?\(|\(eq-[\w-]+\)|\[\^|\]\(|&lt;a id|&lt;/?details|\*\*|```"
)


@pytest.mark.parametrize("name", page.notebook_names())
def test_a_plain_renderer_leaves_no_markup(name: str) -> None:
    """Mathematics is taken out first, as Jupyter does, and would be set by MathJax."""
    shown = page.load(name)
    assert shown
    for cell in shown.markdown:
        source = plain.MATH.sub("MATH", plain.SPAN.sub("CODE", plain.FENCE.sub("", cell.source)))
        html = PLAIN.render(source)
        assert not (found := LEFT.findall(html)), f"cell {cell.number}: {found}"
        ids = plain.labels(cell.source)
        assert [f'<a id="{label}">' in html for label in ids] == [True] * len(ids)


@pytest.mark.parametrize("name", page.notebook_names())
def test_the_site_gets_myst(name: str) -> None:
    """Nothing of the plain form is left: no address of the published site, no mark of a number, no anchor, no tag."""
    shown = page.load(name)
    assert shown
    for cell in shown.markdown:
        visible = plain.masked(myst.text(cell.source), math=False)
        left = [SITE, "<a id", "\\tag{", "<details", *plain.COMMENT.findall(visible)]
        assert [text for text in left if text in visible] == [], f"cell {cell.number}"


def test_links_between_notebooks_have_anchors() -> None:
    pages = all_pages()
    places = links.places(pages)
    found = [r for p in pages if p.notebook for c in p.markdown for r in plain.references(c.source)]
    assert {r.kind for r in found} >= {"equation", "notebook", "claim", "value", "paper", "api", "box", "run"}
    assert all(r.target in places.pages for r in found if r.kind in {"equation", "section"})
