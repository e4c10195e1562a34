"""Files of at most 250 lines, functions of at most 40; more only with a reason written beside it."""

from __future__ import annotations

import ast
import re

import pytest

from tools.shell import ROOT

FILE_LINES, FUNCTION_LINES = 250, 40
REASON = re.compile(r"#\s*budget:\s*\S.{7,}")
FILES = sorted(f.relative_to(ROOT) for folder in ("vtonlib", "tools") for f in (ROOT / folder).rglob("*.py"))


def over_budget(text: str) -> list[str]:
    """What in a file is longer than it may be, and gives no reason on its first line."""
    lines = text.splitlines()
    found = [f"{len(lines)} lines"] if len(lines) > FILE_LINES and not REASON.search(lines[0]) else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            head = lines[node.lineno - 1 : node.body[0].lineno]
            if length > FUNCTION_LINES and not any(map(REASON.search, head)):
                found.append(f"line {node.lineno}: {node.name} has {length} lines")
    return found


@pytest.mark.parametrize("file", FILES, ids=str)
def test_within_budget(file: str) -> None:
    assert over_budget((ROOT / file).read_text(encoding="utf8")) == []


def test_long_code_is_found_and_a_reason_excuses_it() -> None:
    body = "    x = 1\n" * 40
    assert over_budget("def f():\n" + body) == ["line 1: f has 41 lines"]
    assert over_budget("def f():  # budget: one table, read from top to bottom\n" + body) == []
    assert over_budget("x = 1\n" * 251) == ["251 lines"]
    assert over_budget("# budget: one table, read from top to bottom\n" + "x = 1\n" * 251) == []
    assert over_budget("def f():  # budget: x\n" + body) != []
