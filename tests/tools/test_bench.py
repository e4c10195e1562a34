"""`tools bench` runs the benchmarks that say they need no arguments, and no other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import bench


def test_only_files_that_say_so_are_run(tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text('"""A benchmark."""\n\nALONE = True\n')
    (tmp_path / "helper.py").write_text('"""Has ALONE = True in a text."""\n\nif True:\n    ALONE = True\n')
    assert list(bench.alone(tmp_path)) == ["whole"]


def test_the_book_s_benchmarks_say_so_truly() -> None:
    """None of them has an argument that must be given, and each prints JSON."""
    known = bench.alone()
    assert {"growth", "imports", "parts_of_a_step", "shipped"} <= set(known)
    assert not {"readings", "stored", "steps", "leffa", "looks"} & set(known)
    for name, file in known.items():
        text = file.read_text(encoding="utf8")
        assert ("required=True" not in text and 'add_argument("-' in text) or "argparse" not in text, name
        assert "json.dumps(" in text and '__name__ == "__main__"' in text, name


@pytest.mark.parametrize(("name", "said"), [("readings", "its first lines say"), ("nonsense", "found nonsense")])
def test_another_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        bench.main([name])
