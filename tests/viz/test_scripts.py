"""The scripts of the interactive figures: what they share stands once, and pages carry no more than they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from vtonlib.viz.element import IDLE, ElementFigure
from vtonlib.viz.guess import GuessExplorer
from vtonlib.viz.matrix import MatrixExplorer

FOLDER = Path(__file__).parents[2] / "vtonlib/viz"
TEXTS = {file.name: file.read_text(encoding="utf8") for file in sorted(FOLDER.glob("*.js"))}
FIGURES = [name for name, text in TEXTS.items() if 'define("vton-' in text]
SHARED = [name for name in TEXTS if name not in FIGURES]


def repeated(text: str, shared: str) -> set[str]:
    """The lines that two scripts have in common, but for short ones."""
    return {line for line in map(str.strip, text.splitlines()) if len(line) > 40} & set(
        map(str.strip, shared.splitlines())
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_repeats_nothing_that_is_shared(name: str) -> None:
    assert {other: repeated(TEXTS[name], TEXTS[other]) for other in SHARED} == {other: set() for other in SHARED}
    assert "extends HTMLElement" not in TEXTS[name]


def test_what_a_figure_repeats_is_found() -> None:
    line = "figcaption { margin-top: .6rem; color: red; }"
    assert repeated(f"a\n  {line}\nb", f"{line}\nc") == {line} and repeated("}\n", "}\n") == set()


def test_scripts_of_a_page_are_the_base_the_parts_and_the_figure() -> None:
    texts = {figure: figure.script_text() for figure in (GuessExplorer, MatrixExplorer)}
    for figure, text in texts.items():
        places = [text.index(TEXTS[name]) for name in ("base.js", *figure._parts, figure.script.name)]
        assert places == sorted(places) and places[0] == 0
    assert TEXTS["rows.js"] not in texts[MatrixExplorer]


def test_a_module_names_the_scripts_it_depends_on() -> None:
    """A notebook is stale when a file beside a module changes that the module's text names."""
    assert '"base.js"' in (FOLDER / "element.py").read_text(encoding="utf8")
    modules = [file.read_text(encoding="utf8") for file in FOLDER.glob("*.py")]
    assert [name for name in TEXTS if not any(f'"{name}"' in text for text in modules)] == []


def test_pages_leave_out_comments_and_idle_blanks() -> None:
    text = "// note\nconst f = (x) => { return `${x} errs; by: 2, 3 `; };\n  .a { b: c; }\n"
    assert IDLE.sub("", text) == "const f = (x)=>{return `${x} errs; by: 2, 3 `;};\n.a{b: c;}\n"
    assert ElementFigure._parts == ()
