"""Public names and signatures change only on purpose: the record is rewritten by `python3 -m tools derive`."""

from __future__ import annotations

import json
from pathlib import Path

from tools import api


def test_surface_is_the_recorded_one() -> None:
    recorded = json.loads(api.RECORD.read_text(encoding="utf8"))
    now = api.whole_surface()
    flat = [{f"{module}.{name}: {text}" for module in s for name, text in s[module].items()} for s in (recorded, now)]
    gone, new = sorted(flat[0] - flat[1]), sorted(flat[1] - flat[0])
    assert (gone, new) == ([], []), "if this is meant: python3 -m tools derive"


def test_api_page_is_derived() -> None:
    assert api.PAGE.read_text(encoding="utf8") == api.page(), "python3 -m tools derive"


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
