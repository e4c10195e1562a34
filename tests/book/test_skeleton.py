"""A chapter to begin with has every block in its place; what it lacks is for its author to write."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nbformat")

from tools import notebooks
from tools.book import anatomy, skeleton
from tools.book.page import from_notebook


def test_every_block_is_there_in_its_order() -> None:
    page = from_notebook("notebooks/91_a_thing", skeleton.chapter("notebooks/91_a_thing", "A thing"))
    assert list(anatomy.block_problems(page)) == [] and list(anatomy.header_problems(page)) == []
    assert list(anatomy.glance_problems(page)) == []
    assert '<a id="sec-a-thing"></a>\n\n# A thing' in page.cells[0].source
    assert {f"block-{name}" for name in anatomy.BLOCKS} == {tag for cell in page.markdown for tag in cell.tags}


def test_a_chapter_is_begun_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "91_a_thing.ipynb"
    assert notebooks.main(["new", str(file), "A thing"]) == 0
    assert "add it to _toc.yml" in capsys.readouterr().out
    before = file.read_bytes()
    with pytest.raises(SystemExit, match="there is such a notebook already"):
        notebooks.main(["new", str(file), "Another"])
    assert file.read_bytes() == before
