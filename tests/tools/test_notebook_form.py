"""The normal form of notebooks, and that each stored one has it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import site
from tools.notebooks import normalise, problems
from tools.shell import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_stored_in_normal_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert problems(notebook) == []
    assert nbformat.writes(normalise(notebook, path.stem)) + "\n" == path.read_text(encoding="utf8")


def test_every_notebook_is_in_the_book() -> None:
    assert {f"notebooks/{path.stem}" for path in NOTEBOOKS} <= set(site.pages())


def example() -> nbformat.NotebookNode:
    view = new_output(
        "display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "w"}
    )
    error = new_output("error", ename="ValueError", evalue="no", traceback=["at 0x1"])
    cells = [
        new_markdown_cell("text  \n"),
        new_code_cell(
            "a  ", execution_count=1, outputs=[view], metadata={"scrolled": True, "tags": ["figure"]}, id="A"
        ),
        new_code_cell("b", execution_count=2, outputs=[error], metadata={"tags": ["raises-exception"]}, id="ok-2"),
    ]
    return new_notebook(cells=cells, metadata={"widgets": {"state": {}}})


def test_normal_form_is_stable_and_drops_what_changes() -> None:
    once = normalise(example(), "03_attention")
    assert [cell.id for cell in once.cells][1:] == ["03-attention-01", "ok-2"]
    assert once.cells[1].source == "a" and once.cells[1].metadata == {"tags": ["figure"]}
    assert once.cells[1].outputs[0].data == {"text/plain": "w"} and "widgets" not in once.metadata
    assert once.cells[2].outputs[0].traceback == ["ValueError: no"]
    text = nbformat.writes(once)
    assert nbformat.writes(normalise(nbformat.reads(text, as_version=4), "03_attention")) == text
    assert problems(once) == []


def test_what_cannot_be_one_run_from_the_top_is_reported() -> None:
    notebook = example()
    notebook.cells[1].execution_count = 5
    notebook.cells[1].source = "plot();"
    notebook.cells[2].metadata = {}
    notebook.cells[2].outputs.append(new_output("stream", name="stderr", text="warning"))
    assert [problem.partition(":")[0] for problem in problems(notebook)] == ["cell 1", "cell 1", "cell 2", "cell 2"]
    notebook.cells[1].outputs.append(new_output("display_data", {"text/plain": "  0%|          | 0/80 [00:00<?]"}))
    assert "progress bar" in "".join(problems(notebook))


def test_machinery_is_folded() -> None:
    notebook = example()
    notebook.cells[1].metadata["tags"] = ["hide-input"]
    cell = normalise(notebook, "x").cells[1]
    assert cell.metadata["jupyter"] == {"source_hidden": True} and cell.metadata["cellView"] == "form"
    cell.metadata["tags"] = []
    assert "jupyter" not in normalise(notebook, "x").cells[1].metadata
