"""What must not pass unnoticed: each test breaks one thing in a copy of a small book, and the check names it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("nbval")

import sample_book
from sample_book import NAME, edit, tool

NBVAL = ("--nbval", "--nbval-current-env", "--nbval-sanitize-with=tests/nbval.cfg", "-p", "no:cacheprovider", "-q")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample book, run once."""
    return sample_book.make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to break."""
    copy = tmp_path / "book"
    shutil.copytree(made, copy)
    yield copy
    shutil.rmtree(copy)


def notebook(root: Path) -> dict[str, Any]:
    return json.loads((root / f"{NAME}.ipynb").read_text(encoding="utf8"))


def rewrite(root: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the chapter's cells."""
    content = notebook(root)
    change(content["cells"])
    (root / f"{NAME}.ipynb").write_text(json.dumps(content), encoding="utf8")


def tagged(cells: list[dict[str, Any]], tag: str) -> dict[str, Any]:
    return next(cell for cell in cells if tag in cell["metadata"].get("tags", ()))


def complaints(root: Path) -> str:
    """What check-notebooks says; nothing if it passes."""
    done = tool(root, "tools.book.check")
    assert not done.stderr, done.stderr
    return done.stdout if done.returncode else ""


def test_the_sample_keeps_every_rule(made: Path) -> None:
    assert complaints(made) == ""
    text = "".join("".join(cell["source"]) for cell in notebook(made)["cells"])
    assert "17.50<!--inside-->" in text and "[0.5" in text and "\\tag{90.1}" in text and "[(90.1)](#eq-" in text
    assert "vton-book/blob/main/notebooks/90_sample.ipynb" in text and "someone/else" not in text
    assert tagged(notebook(made)["cells"], "figure")["metadata"]["mystnb"]["image"] == {
        "alt": "A rising line.",
        "width": "200px",
    }


def test_running_again_changes_nothing(root: Path) -> None:
    before = (root / f"{NAME}.ipynb").read_bytes()
    assert tool(root, "tools.notebooks", "run", f"{NAME}.ipynb").returncode == 0
    assert (root / f"{NAME}.ipynb").read_bytes() == before


def test_a_changed_formula_makes_outputs_stale(root: Path) -> None:
    edit(root / sample_book.FORMULA_FILE, sample_book.FORMULA, sample_book.WRONG_FORMULA)
    assert "90_sample: stale outputs: vtonlib.grids changed" in complaints(root)


def test_a_changed_formula_and_changed_data_fail_when_the_notebook_runs(root: Path) -> None:
    """Even with the provenance of the wrong formula, the chapter's own code disagrees; so do a figure's data."""

    def change(cells: list[dict[str, Any]]) -> None:
        for output in tagged(cells, "figure")["outputs"]:
            output["data"]["application/vnd.vton.data+json"]["arrays"]["x"]["mean"] += 1.0

    edit(root / sample_book.FORMULA_FILE, sample_book.FORMULA, sample_book.WRONG_FORMULA)
    rewrite(root, change)
    done = tool(root, "pytest", *NBVAL, f"{NAME}.ipynb")
    assert done.returncode == 1
    assert "{'inside': '23.00'}}, stored {'values': {'inside': '17.50'}}" in done.stdout  # the number that is shown
    assert "Scalars are not close" in done.stdout  # the chapter's assertion
    assert "data 'x': mean is 2.5, stored 3.5" in done.stdout  # the figure
    assert done.stdout.count("FAILED") == 3 + 5  # and the five solutions, which are no longer right


def test_a_changed_formula_breaks_the_claim(root: Path) -> None:
    edit(root / sample_book.FORMULA_FILE, sample_book.FORMULA, sample_book.WRONG_FORMULA)
    done = tool(root, "tools.book.measure", "--verify")
    assert done.returncode == 1 and "mean, seed 0" in done.stdout


def test_a_changed_comment_or_docstring_is_no_news(root: Path) -> None:
    edit(root / sample_book.FORMULA_FILE, '"""Coordinates', '"""New words. Coordinates')
    edit(root / sample_book.FORMULA_FILE, "ALIGN_CORNERS = True", "ALIGN_CORNERS = True  # a remark")
    assert complaints(root) == ""


def without_alt(cells: list[dict[str, Any]]) -> None:
    del tagged(cells, "figure")["metadata"]["mystnb"]["image"]["alt"]


def without_data(cells: list[dict[str, Any]]) -> None:
    for output in tagged(cells, "figure")["outputs"]:
        del output["data"]["application/vnd.vton.data+json"]


def without_solution(cells: list[dict[str, Any]]) -> None:
    cells.remove(tagged(cells, "solution"))


def without_equation(cells: list[dict[str, Any]]) -> None:
    tagged(cells, "block-definition")["source"] = ["## Definition\n"]


def without_label(cells: list[dict[str, Any]]) -> None:
    cell = tagged(cells, "block-definition")
    cell["source"] = "".join(cell["source"]).replace('<a id="eq-sample-mean"></a>', "")


def without_box(cells: list[dict[str, Any]]) -> None:
    tagged(cells, "block-disagreements")["source"] = ["## Disagreements"]


def without_block(cells: list[dict[str, Any]]) -> None:
    cells.remove(tagged(cells, "block-evidence"))


def other_claim(cells: list[dict[str, Any]]) -> None:
    cell = tagged(cells, "block-definition")
    cell["source"] = "".join(cell["source"]).replace("[0.", "[1.", 1)


def typed_result(cells: list[dict[str, Any]]) -> None:
    tagged(cells, "block-experiment")["source"] = ["## Experiment\nThe error falls to 0.73."]


def changed_code(cells: list[dict[str, Any]]) -> None:
    tagged(cells, "figure")["source"] = [line.replace("2, 2", "3, 3") for line in tagged(cells, "figure")["source"]]


def wrong_solution(cells: list[dict[str, Any]]) -> None:
    tagged(cells, "solution")["outputs"][0]["data"]["text/plain"] = ["Not yet (0 of 3 cases agree)."]


def other_setup(cells: list[dict[str, Any]]) -> None:
    cell = tagged(cells, "setup")
    cell["source"] = "".join(cell["source"]).replace("--no-deps ", "")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without_alt, "its figure has no alternative text"),
        (without_data, "shows 1 images, data of 0"),
        (without_solution, "exercise 90.1 has no solution"),
        (without_equation, "no page has (eq-sample-mean)"),
        (without_label, "has no anchor"),
        (without_box, "no page has a box D901"),
        (without_block, "has no block-evidence"),
        (other_claim, "expected [0."),
        (typed_result, "hand-typed number 0.73"),
        (changed_code, "stale outputs: code changed from cell"),
        (wrong_solution, "is not right, says its checker"),
        (other_setup, "must be the standard one"),
    ],
)
def test_a_broken_chapter_is_named(root: Path, change: Callable[[list[dict[str, Any]]], None], complaint: str) -> None:
    rewrite(root, change)
    said = complaints(root)
    assert complaint in said and ("90_sample" in said or complaint.startswith("no page"))


def test_a_deleted_page_is_named(root: Path) -> None:
    (root / f"{NAME}.ipynb").unlink()
    assert f"_toc.yml: {NAME} has neither .ipynb nor .md" in complaints(root)


def test_a_deleted_test_is_named(root: Path) -> None:
    (root / "tests" / "test_sample.py").unlink()
    said = complaints(root)
    assert "(eq-sample-mean): no test is marked" in said and "box D901 has no test" in said


def test_an_untagged_function_is_named(root: Path) -> None:
    edit(root / sample_book.FORMULA_FILE, "Equation: eq-sample-mean.", "")
    assert "(eq-sample-mean): no docstring of vtonlib" in complaints(root)


def test_a_claim_that_no_longer_holds_is_named(root: Path) -> None:
    edit(root / "claims" / "sample.json", '"bound": 0.6', '"bound": 0.5')
    assert "claims/sample.json: does not hold: mean <= 0.5 (every seed)" in complaints(root)
