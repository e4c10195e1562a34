"""The rules of pages, one by one, on texts made for the purpose; and the book itself, which keeps them all."""

from __future__ import annotations

from typing import Any

import pytest

from tools.book import anatomy, check, claims, digests, equations, form, ledger, marks, quoting, setup_cell, sources
from tools.book.claims import Claim
from tools.book.page import DATA_MIME, Cell, Page, all_pages, prose, words
from tools.site import published

SITE = published()


def text_page(*sources: str, name: str = "notebooks/91_x", tags: tuple[str, ...] = ()) -> Page:
    cells = tuple(
        Cell(number=i, kind="markdown", source=s, metadata={"tags": list(tags)}) for i, s in enumerate(sources)
    )
    return Page(name=name, cells=cells, notebook=True)


def code_cell(source: str, *tags: str, data: dict[str, Any] | None = None, **metadata: Any) -> Cell:
    outputs = ({"data": {"image/png": "x", **({DATA_MIME: data} if data else {})}},) if data is not None else ()
    return Cell(number=0, kind="code", source=source, metadata={"tags": list(tags), **metadata}, outputs=outputs)


def test_the_book_keeps_its_rules() -> None:
    assert check.problems(all_pages()) == []


# Prose and numbers


@pytest.mark.parametrize(
    "text",
    [
        "The error is 0.73 tokens.",
        "It falls by 40 %.",
        "It falls by 12%.",
        "From -1.5 to 3.",
        "An error of $0.73$ tokens.",
        "An error of `0.73` tokens.",
        "About $40\\,\\%$ fewer, or $40\\%$.",
        "> **Note**\n>\n> The ratio is 0.4.",
        f"The ratio is 0.4 ([1.2]({SITE}book/claims.html#a.b)).",
        "It is 0.41 <!-- ratio -->.",
        "| model | error |\n|---|---|\n| ours | 3.21 |",
    ],
)
def test_typed_results_are_found(text: str) -> None:
    assert list(form.prose_problems(Cell(number=0, kind="markdown", source=text)))


@pytest.mark.parametrize(
    "text",
    [
        "Five heads, 32 tokens, 3 people.",
        "With $\\tau = 0.5$ the map is sharper, and $x_i \\le 0.25\\,n$.",
        "See Section 3.2, Eq. 4.1 and Exercises 7.1 to 7.3; Python 3.11 or newer.",
        "Run `train(steps=0.5)`.",
        "```python\nx = 0.5\n```",
        "The error is {claim}`0.73 <matcher.epe>` ({value}`12.5 % <share>`).",
        f"The error is [0.73]({SITE}book/claims.html#matcher.epe) (12.5\u00a0%<!--share-->).",
        f"By [(0.73)](#eq-x), under [0.5 s]({SITE}book/status.html#01_world).",
        "[paper](https://x.org/2312.01725), https://x.org/1.25",
        '<a id="eq-x"></a>\n\n$$\nx = 0.5\n\\tag{7.1}\n$$',
        "### Exercise 7.2 [by hand] Halves",
        "%  0.5 in a comment",
        "Version 1.0.4 of it.",
    ],
)
def test_other_numbers_may_stand(text: str) -> None:
    assert list(form.prose_problems(Cell(number=0, kind="markdown", source=text))) == []


def test_worked_examples_may_hold_numbers() -> None:
    cell = Cell(number=0, kind="markdown", source="It is 0.25.", metadata={"tags": ["by-hand"]})
    assert list(form.prose_problems(cell)) == []


def test_words_are_those_of_sentences() -> None:
    text = (
        '<a id="sec-x"></a>\n\n# One two\nthree $a b$ `code words` [four](x.ipynb)\n```python\nno no\n```\n> five\n\n'
        "<details><summary>six</summary>"
    )
    assert prose(text).split() == ["#", "One", "two", "three", "four", ">", "five", "six"]
    assert words(text_page(text)) == 6


# Code and figures


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (f"x = {'1' * 76}", "line 1: over 79"),
        ("from torch import *", "imports * from torch"),
        ("import requests", "no network"),
        ("from urllib.request import urlopen", "no network"),
        ("!pip install x", "shell command"),
        ("%matplotlib inline", "magic"),
    ],
)
def test_code_that_may_not_be(source: str, complaint: str) -> None:
    assert complaint in " ".join(form.code_problems(code_cell(source)))


def test_good_code_and_repeated_imports() -> None:
    assert list(form.code_problems(code_cell("import torch\nx = 1\n" + "y = 2\n" * 23))) == []
    twice = Page(name="p", cells=(code_cell("import torch"), code_cell("import torch\nimport math")), notebook=True)
    assert form.repeated_imports(twice) == ["torch is imported in 2 cells"]
    assert list(form.code_problems(code_cell("# @title Figure: a line\nx", "hide-input"))) == []
    assert "@title" in "".join(form.code_problems(code_cell("x", "hide-input")))
    long = Page(name="p", cells=(code_cell("x = 1\n" * 26), code_cell("x = 1\n" * 25)), notebook=True)
    shown = Page(name="p", cells=(code_cell("quote(a='1')"), code_cell("quote(a='1')", "hide-input")), notebook=True)
    assert len(form.open_machinery(shown)) == 1 and "quote is machinery" in form.open_machinery(shown)[0]
    assert form.long_cells(long) == ["cell 0: has 26 lines, at most 25 are allowed"]


def test_figures_need_text_and_data() -> None:
    data = {"alt": "A line.", "arrays": {"x": {}}}
    good = code_cell("f", data=data, mystnb={"image": {"alt": "A line."}})
    assert list(form.output_problems(good)) == []
    assert "no alternative text" in "".join(form.output_problems(code_cell("f", data=data)))
    other = code_cell("f", data=data, mystnb={"image": {"alt": "Another."}})
    assert "not that of its figure" in "".join(form.output_problems(other))
    assert "data of 0" in "".join(form.output_problems(code_cell("f", data={}, mystnb={"image": {"alt": "A."}})))


def test_setup_comes_first_and_once() -> None:
    def page(*sources: tuple[str, str]) -> Page:
        cells = [Cell(number=n, kind="code", source=s, metadata={"tags": [t]}) for n, (s, t) in enumerate(sources, 1)]
        return Page(name="p", cells=(Cell(number=0, kind="markdown", source="x"), *cells), notebook=True)

    standard, other = (setup_cell.source(), "setup"), ("x", "y")
    own = setup_cell.source("import torch\n\nfrom vtonlib.viz.notebook import quote, setup")
    assert "\nimport torch\n\nfrom vtonlib.viz.notebook import quote, setup\n" in own
    without = setup_cell.source("import torch")
    assert f"import torch\n{setup_cell.IMPORT}\n" in without and setup_cell.source(without) == without
    assert setup_cell.source(own) == own and setup_cell.source(standard[0]) == standard[0]
    assert form.setup_problems(page(standard, other)) == form.setup_problems(page((own, "setup"))) == []
    for cells in ((other, standard), (("import vtonlib", "setup"),), (standard, standard)):
        assert form.setup_problems(page(*cells)) != []


def test_setup_leaves_torch_and_numpy_alone() -> None:
    source = setup_cell.source()
    compile(source, "setup", "exec")
    packages = next(line for line in source.splitlines() if "packages = " in line)
    assert "--no-deps" in source and "torch==" not in source and "numpy" not in packages and '"torch' not in packages


# Equations, boxes, tests


def test_equations_have_labels() -> None:
    labelled = '<a id="eq-x"></a>\n\n$$\nx\n\\tag{91.1}\n$$'
    page = text_page(f"{labelled}\n\ntext\n\n$$ y $$\n\n```python\n$$ no $$\n```", "\\[ z \\]")
    found, wrong = equations.displayed(page)
    assert [(e.label, e.number, e.body, e.cell) for e in found] == [("eq-x", "91.1", "x", 0)]
    assert "equation 'y' has no anchor" in wrong[0] and "must have the form" in wrong[1] and len(wrong) == 2
    assert "expected \\tag{91.1}" in equations.displayed(text_page(labelled.replace("91.1", "7.2")))[1][0]


def test_marks_are_read() -> None:
    text = "import pytest\n@pytest.mark.equation('eq-a', 'eq-b')\ndef test_x():\n    masked_mean(1)\n"
    found = marks.marks_in(text, "equation", "tests/t.py")
    assert [(t.shown, str(t)) for t in found] == [("eq-a", "tests/t.py::test_x"), ("eq-b", "tests/t.py::test_x")]
    assert "masked_mean" in found[0].names_used and marks.marks_in(text, "disagreement", "t") == []


def test_coverage_wants_a_function_and_a_test_that_uses_it() -> None:
    equation = equations.Equation("eq-x", "9.1", "x", "p", 0)
    test = marks.MarkedTest("eq-x", "tests/t.py", "test_x", frozenset({"masked_mean"}))
    assert equations.Coverage(equation, ("vtonlib.grids.masked_mean",), (test,)).problems() == []
    assert "no docstring" in equations.Coverage(equation, (), (test,)).problems()[0]
    assert "no test" in equations.Coverage(equation, ("vtonlib.grids.masked_mean",), ()).problems()[0]
    assert "does not use warp" in equations.Coverage(equation, ("vtonlib.grids.warp",), (test,)).problems()[0]


def test_registered_labels_are_read() -> None:
    match = equations.REGISTERED.search("Text. Equations: eq-a, eq-b-c. Book: sec-x.")
    assert match and match[1].split(", ") == ["eq-a", "eq-b-c"]


BOX = "> **D3. Sum**\n>\n> **Paper.** a\n>\n> **Official code.** b\n>\n> **This book.** c"


def test_boxes_are_read() -> None:
    boxes, wrong = ledger.read(text_page(BOX))
    assert (boxes[0].id, boxes[0].title, boxes[0].fields["Official code"], wrong) == ("D3", "Sum", "b", [])


@pytest.mark.parametrize("change", [("**Paper.**", "**Article.**"), ("D3. Sum", "Sum"), ("** b", "** ")])
def test_boxes_that_lack_something(change: tuple[str, str]) -> None:
    boxes, wrong = ledger.read(text_page(BOX.replace(*change)))
    assert boxes == [] and len(wrong) == 1


# Quotes and claims


def claim(values: list[float], **condition: Any) -> Claim:
    record = {
        "statement": "It is {m} ({m.interval}).",
        "section": "sec-x",
        "device": "cpu",
        "seeds": list(range(len(values))),
        "metrics": {"m": {"format": ".2f", "values": values}},
        "conditions": [{"metric": "m", "op": "<=", "bound": 1.0, "of": "every seed"} | condition],
        "measured": {},
    }
    return Claim("c", record)


def test_claims_are_quoted() -> None:
    made = claim([0.4, 0.5, 0.6])
    assert [made.quote(f) for f in ("m", "m.range", "seeds")] == ["0.50", "0.40 to 0.60", "3"]
    assert made.quote("m.interval") == "0.25 to 0.75"  # 0.5 +- 4.303 * 0.1 / sqrt(3)
    assert made.quote("") == "It is 0.50 (0.25 to 0.75)."
    with pytest.raises(KeyError, match="has no 'n'"):
        made.quote("n")


def test_intervals() -> None:
    assert claims.interval([2.0]) == (2.0, 2.0)
    low, high = claims.interval([1.0, 3.0])
    assert low == pytest.approx(2 - 12.706) and high == pytest.approx(2 + 12.706)


@pytest.mark.parametrize(
    ("of", "bound", "holds"),
    [("every seed", 0.6, True), ("every seed", 0.59, False), ("mean", 0.5, True), ("interval", 0.7, False)],
)
def test_conditions(of: str, bound: float, holds: bool) -> None:
    made = claim([0.4, 0.5, 0.6], of=of, bound=bound)
    assert (claims.broken(made.record["conditions"], {"m": made.values("m")}, every=False) == []) is holds


def test_moved_values_are_found() -> None:
    made = claim([0.4, 0.5])
    assert claims.differences(made, "m", [0.405]) == [] and len(claims.differences(made, "m", [0.4, 0.52])) == 1
    assert claims.differences(made, "m", [float("nan")]) != []


def test_quotes_are_filled_and_held_to_their_record() -> None:
    quoted = {DATA_MIME: {"values": {"epe": "3.1"}}}
    cells = (Cell(number=0, kind="code", source="q", outputs=({"data": quoted},)),)
    resolve = quoting.resolver(Page(name="n", cells=cells), {"c": claim([0.5])}, {"n": {"seconds": 41}})
    text = "{claim}`c.m`, {value}`9 <epe>`, {run}`this`, {claim}`gone.m`"
    filled = quoting.filled(text, resolve)
    assert filled == "{claim}`0.50 <c.m>`, {value}`3.1 <epe>`, {run}`under 50 seconds <this>`, {claim}`gone.m`"
    assert quoting.filled(filled, resolve) == filled
    assert [p.split(":")[0] for p in quoting.problems(filled, resolve)] == ["{claim}`gone.m`"]
    assert len(quoting.problems(text, resolve)) == 4
    assert quoting.problems("As in ``{claim}`0.42 <x.y>` ``.", resolve) == []


# Sources and digests


def test_hashes_see_code_only() -> None:
    one = 'def f(x):\n    """Doc."""\n    return x + 1  # one\n'
    assert sources.bare(one) == sources.bare(
        'def f(x):\n    """Other\n\n    words."""\n\n    # two\n    return x + 1\n'
    )
    assert sources.bare(one) != sources.bare(one.replace("+ 1", "+ 2"))
    assert sources.bare('x = "# no comment"') == 'x = "# no comment"' and sources.bare("!ls") == "!ls"


def test_used_modules_follow_imports() -> None:
    used = sources.used_modules(["from vtonlib.evaluation import pck"])
    assert "vtonlib.evaluation.correspondence" in used and "vtonlib.grids" in used
    assert "vtonlib.evaluation.distribution" not in used and "vtonlib.training.trainer" not in used
    assert "vtonlib.check.matching" in sources.used_modules(["from vtonlib import check"])
    assert "vtonlib.check.matching" in sources.used_modules(["from vtonlib import check", "check.layers, dir(check)"])
    one = sources.used_modules(["from vtonlib import check", "check.layers(None)"])
    assert "vtonlib.check.library" in one and "vtonlib.check.matching" not in one and "vtonlib.check" not in one
    assert sources.used_modules(["import torch"]) == []


def digest(**changes: float) -> dict[str, Any]:
    numbers = {"mean": 1.0, "std": 0.5, "min": 0.0, "max": 2.0, "order": 0.3, "order2": -0.1}
    return {"shape": [4], "not finite": 0, **numbers, **changes}


def test_digests_are_compared_with_a_tolerance() -> None:
    stored = {"alt": "a", "tolerance": 0.01, "arrays": {"x": digest()}}
    assert digests.difference(stored, {**stored, "arrays": {"x": digest(mean=1.015)}}) == ""
    for changed in (digest(mean=1.03), digest(order=0.4), digest(shape=[5]), digest(max=float("nan"))):
        assert "data 'x'" in digests.difference(stored, {**stored, "arrays": {"x": changed}})
    assert "stored ['x']" in digests.difference(stored, {**stored, "arrays": {}})
    assert digests.difference(stored, {**stored, "alt": "b"}) != ""


def test_outputs_without_data_are_missed() -> None:
    output = {"output_type": "execute_result", "data": {DATA_MIME: {"values": {"a": "1"}}}}
    assert digests.outputs_difference([output], [output]) == ""
    assert "stored 1" in digests.outputs_difference([output], [])
    assert digests.without_data([output, {"output_type": "stream"}]) == [{"output_type": "stream"}]


# Chapters


def test_blocks_stand_in_order() -> None:
    cells = [
        Cell(number=i, kind="markdown", source="x", metadata={"tags": [f"block-{b}"]})
        for i, b in enumerate(anatomy.BLOCKS)
    ]
    assert list(anatomy.block_problems(Page(name="p", cells=tuple(cells)))) == []
    cells[1], cells[2] = [Cell(**{**vars(c), "number": i}) for i, c in ((1, cells[2]), (2, cells[1]))]
    assert "expected header, glance" in "".join(anatomy.block_problems(Page(name="p", cells=tuple(cells))))
    short = Page(name="p", cells=tuple(cells[3:]), metadata={"book": {"without": {"block-header": "none here"}}})
    missing = list(anatomy.block_problems(short))
    assert any("block-problem" in m for m in missing) and not any("block-header" in m for m in missing)


def test_other_pages_have_no_anatomy() -> None:
    assert anatomy.problems(text_page("x", name="notebooks/index")) == []
    assert len(anatomy.problems(text_page("x", name="notebooks/91_x"))) > 10
