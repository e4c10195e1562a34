"""Which sources of vtonlib a notebook uses, and a hash of each that changes only with what the code does."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tools.shell import ROOT

Name = tuple[str, str]
"""A module and a name in it; the name "" stands for the whole module."""


def bare(source: str) -> str:
    """Code without comments, docstrings and blank lines; text that is not Python (a magic) stays as it is.

    Cut out of the text, not printed from the syntax tree, whose form depends on Python's version.
    """
    try:
        tree, tokens = ast.parse(source), list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError):
        return source
    lines = [line.encode() for line in source.splitlines()]
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = source.splitlines()[row - 1][:column].encode()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [b""] * (end - node.lineno + 1)
    return "\n".join(text for line in lines if (text := line.decode().rstrip()))


def short_hash(data: str | bytes) -> str:
    """Twelve hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:12]


@cache
def file_of(module: str) -> Path | None:
    """The file of a module of this repository; None if there is none."""
    base = ROOT / module.replace(".", "/")
    for file in (base / "__init__.py", base.with_suffix(".py")):
        if file.exists():
            return file
    return None


@cache
def _tree(module: str) -> ast.Module:
    file = file_of(module)
    return ast.parse(file.read_text(encoding="utf8") if file else "")


def _base(module: str, node: ast.ImportFrom) -> str:
    """The absolute module that an import in ``module`` names."""
    if not node.level:
        return node.module or ""
    file = file_of(module)
    package = module.split(".") if file and file.name == "__init__.py" else module.split(".")[:-1]
    parts = package[: len(package) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _read_of(name: str, tree: ast.AST) -> list[str]:
    """The attributes that code reads of a name; none if it also does anything else with the name."""
    nodes = list(ast.walk(tree))
    read = [n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == name]
    named = sum(isinstance(n, ast.Name) and n.id == name for n in nodes)
    return [n.attr for n in read] if len(read) == named else []


def imports(tree: ast.AST, module: str = "") -> Iterator[Name]:
    """What code imports from vtonlib; of a package that only passes on, such as ``check``, what it reads of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "vtonlib")
        elif isinstance(node, ast.ImportFrom) and (base := _base(module, node)).split(".")[0] == "vtonlib":
            for alias in node.names:
                package = f"{base}.{alias.name}"
                passed_on = _only_passes_on(_tree(package)) and _read_of(alias.asname or alias.name, tree)
                yield from [(package, name) for name in passed_on] if passed_on else [(base, alias.name)]


def _only_passes_on(tree: ast.Module) -> bool:
    """Whether a module only imports names and lists them."""
    plain = (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign)
    return all(isinstance(node, plain) for node in tree.body) and any(isinstance(n, ast.ImportFrom) for n in tree.body)


def defining(name: Name) -> Iterator[Name]:
    """Where a name is defined: through packages that only pass on, and into submodules."""
    module, attribute = name
    if attribute and file_of(f"{module}.{attribute}"):
        yield f"{module}.{attribute}", ""
        return
    tree = _tree(module)
    if attribute and _only_passes_on(tree):
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and attribute in {alias.asname or alias.name for alias in node.names}:
                yield from defining((_base(module, node), attribute))
                return
    yield module, ""


def used_modules(sources: Iterable[str]) -> list[str]:
    """The modules of vtonlib that pieces of code use, directly or through others."""
    body: list[ast.stmt] = []
    for source in sources:
        try:
            body += ast.parse(source).body
        except SyntaxError:
            continue
    waiting = list(imports(ast.Module(body, [])))
    seen: set[str] = set()
    while waiting:
        for module, _ in defining(waiting.pop()):
            if module not in seen and file_of(module):
                seen.add(module)
                waiting += imports(_tree(module), module)
    return sorted(seen)


@cache
def _hash(file: Path) -> str:
    text = file.read_text(encoding="utf8")
    beside = [f for f in sorted(file.parent.iterdir()) if f.is_file() and f.suffix != ".py" and f.name in text]
    return short_hash(bare(text) + "".join(short_hash(f.read_bytes()) for f in beside))


def hashes(modules: Iterable[str]) -> dict[str, str]:
    """A hash of each module and of the data files in its folder that it names."""
    return {module: _hash(file) for module in modules if (file := file_of(module))}
