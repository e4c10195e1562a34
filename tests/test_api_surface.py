"""Public names and signatures change only on purpose: the record is rewritten by `python3 -m tools derive`."""

from __future__ import annotations

import json
from pathlib import Path

from tools import api, site
from tools.shell import ROOT


def test_surface_is_the_recorded_one() -> None:
    recorded = json.loads(api.RECORD.read_text(encoding="utf8"))
    now = api.whole_surface()
    flat = [{f"{module}.{name}: {text}" for module in s for name, text in s[module].items()} for s in (recorded, now)]
    gone, new = sorted(flat[0] - flat[1]), sorted(flat[1] - flat[0])
    assert (gone, new) == ([], []), "if this is meant: python3 -m tools derive"


def test_api_pages_are_derived() -> None:
    written = {f"book/api/{file.stem}": file.read_text(encoding="utf8") for file in (ROOT / "book/api").glob("*.md")}
    written["book/api"] = (ROOT / "book/api.md").read_text(encoding="utf8")
    assert written == api.pages(), "python3 -m tools derive"
    assert set(api.pages()) <= set(site.pages()), "python3 -m tools derive"


def test_contents_list_the_api_pages_once() -> None:
    text = (
        "parts:\n      - file: book/api\n        sections:\n          - file: book/api/gone\n      - file: book/log\n"
    )
    once = api.contents(text)
    assert "gone" not in once and once.count("- file: book/api/attention\n") == 1 and api.contents(once) == once
    assert once.endswith("\n      - file: book/log\n")


def test_addresses_name_page_and_object() -> None:
    of = api.address("vtonlib.attention.read.expected_coordinates")
    assert of == f"{site.published()}book/api/attention.html#vtonlib.attention.read.expected_coordinates"
    assert api.address("vtonlib.attention.read").endswith("book/api/attention.html#module-vtonlib.attention.read")


def test_surface_sees_what_a_caller_sees(tmp_path: Path) -> None:
    source = """
LIMIT = 3
_hidden = 4
def area(h: int, w: int = 2, *, unit: str = "px") -> int: ...
def _private(): ...
class Box(Base):
    width: int = 1
    def grow(self, by: float) -> Self: ...
    def _inner(self): ...
"""
    (tmp_path / "x.py").write_text(source)
    assert api.surface(tmp_path / "x.py") == {
        "LIMIT": "constant",
        "area": "(h: int, w: int=2, *, unit: str='px') -> int",
        "Box": "class(Base)",
        "Box.width": "int",
        "Box.grow": "(self, by: float) -> Self",
    }
