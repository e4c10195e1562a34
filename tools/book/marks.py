"""Tests that say what they show: ``@pytest.mark.equation("eq-...")`` and ``@pytest.mark.disagreement("D3")``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.shell import ROOT


@dataclass(frozen=True)
class MarkedTest:
    """A test and what one of its marks names."""

    shown: str
    file: str
    name: str
    names_used: frozenset[str]

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


def marks_in(text: str, mark: str, file: str) -> list[MarkedTest]:
    """The marked tests of one file. Names used are those of the whole file: a test may call through a helper."""
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = []
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{mark}":
                shown = [a.value for a in decorator.args if isinstance(a, ast.Constant)]
                found += [MarkedTest(str(name), file, getattr(node, "name", "?"), frozenset(used)) for name in shown]
    return found


@cache
def marked(mark: str) -> tuple[MarkedTest, ...]:
    """All tests with a mark."""
    files: list[Path] = sorted((ROOT / "tests").rglob("test_*.py"))
    texts = ((f, f.read_text(encoding="utf8")) for f in files)
    return tuple(t for f, s in texts if f"mark.{mark}(" in s for t in marks_in(s, mark, str(f.relative_to(ROOT))))
