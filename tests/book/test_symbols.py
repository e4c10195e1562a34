"""The index of notation: symbols are read off the equations, and each has one meaning."""

from __future__ import annotations

import pytest

from tools.book import reference, symbols
from tools.book.page import Cell, Page, all_pages
from tools.book.symbols import Meaning


@pytest.mark.parametrize(
    ("tex", "found"),
    [
        (r"\hat c_i = \sum_j \bar A_{ij}\, G_j", {r"\hat c", r"\bar A", "G", "i", "j"}),
        (r"\hat{c} + \mathcal{L}_{\text{tv}} + \mathbb E[x]", {r"\hat c", r"\mathcal L", r"\mathbb E", "x"}),
        (r"\bar\alpha_t + \bar{\alpha}_s", {r"\bar \alpha", "t", "s"}),
        (r"\operatorname{warp}(I, F)_p + \mathrm{SNR}_t", {"warp", "I", "F", "p", "SNR", "t"}),
        (r"\operatorname*{mean}_{i \downarrow k} \lVert F_k \rVert_1", {"mean", "i", "k", "F"}),
        (r"\tfrac12 \exp(s\, q_i^\top k_j) / \sqrt{d}", {"s", "q", "i", "k", "j", "d"}),
        (r"L_{warp} + P_{out} + \tau\Gamma + \Gamma_{k_n c}", {"L", "P", r"\tau", r"\Gamma", "k", "n", "c"}),
        (r"e^{H_i} + e_i + \mathrm d \tau", {"H", "i", "e", r"\tau"}),
        (r"\begin{pmatrix} x_t \\ \hat v \end{pmatrix} \text{ for all } m'", {"x", "t", r"\hat v", "m"}),
    ],
)
def test_symbols_are_read(tex: str, found: set[str]) -> None:
    assert symbols.symbols(tex) == found


def page(tex: str, name: str = "notebooks/91_x") -> Page:
    source = f'<a id="eq-x"></a>\n\n$$\n{tex}\n\\tag{{91.1}}\n$$'
    return Page(name=name, cells=(Cell(number=0, kind="markdown", source=source),), notebook=True)


def test_what_is_wrong_is_named() -> None:
    known = (
        Meaning("a", ("91",), "", "fine"),
        Meaning("b", ("eq-x",), "", "goes before its chapter"),
        Meaning("b", ("91",), "", "not needed, then"),
        Meaning("c", ("91",), "", "once"),
        Meaning("c", ("91",), "", "twice"),
    )
    assert symbols.problems([page("a + b + c + d")], known) == [
        "book/symbols.toml says 2 times what c means in (eq-x) of 91",
        "book/symbols.toml does not say what d means in (eq-x) of 91",
        "book/symbols.toml: b of 91: no equation there needs it",
    ]


def test_every_symbol_of_the_book_stands_in_the_index() -> None:
    pages = all_pages()
    assert symbols.problems(pages) == []
    used = {use.symbol for use in symbols.uses(pages)}
    lines = reference.symbol_table(pages)
    assert len(used) > 90 and all(any(line.startswith(f"| {symbols.shown(s)} |") for line in lines) for s in used)


def test_the_index_is_sorted_and_says_where_a_symbol_is_met_first() -> None:
    names = sorted(["warp", r"\tau", r"\bar A", "b", "A", r"\hat \epsilon", "a"], key=symbols.order)
    assert names == ["A", r"\bar A", "a", "b", r"\hat \epsilon", r"\tau", "warp"]
    first = {(row.symbol, row.means): equation.label for row, equation in symbols.first_uses(all_pages()).items()}
    centre = "expected coordinates, the centre: where a query looks on average"
    assert first[r"\hat c", centre] == "eq-expected-coordinates"
