"""What follows from other files: the API page, the record of the API's surface, and the repository's URL.

Read from the sources without importing them, so that the result is the same for every version of every package.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

from tools.shell import ROOT, write
from tools.site import repository

PAGE, RECORD = ROOT / "book" / "api.md", ROOT / "tests" / "goldens" / "api_surface.json"
URL_FILES = ("README.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", "_config.yml")
HEAD = """\
# API reference

Every public name of `vtonlib`, from its docstrings, layer by layer: a module imports only from the layers above it on
this page. Shapes are written as in {ref}`sec-notation`.

<!-- Written by: python3 -m tools derive -->
"""
LAYERS: tuple[tuple[str, ...], ...] = (
    ("disk", "memory", "settings"),
    ("grids", "config", "images", "records", "weights"),
    ("thin_plate",),
    ("attention", "data"),
    ("models", "losses", "evaluation"),
    ("pipelines", "official", "files", "check"),
    ("tasks",),
    ("training",),
    ("presets",),
    ("experiment", "failures", "viz"),
    ("cli",),
    ("__main__",),
)
"""The parts of vtonlib from the bottom up. tests/test_layering.py holds every import to this order."""


def modules() -> dict[str, Path]:
    """Every public module of vtonlib and its file, by layer, then by name."""
    named = {}
    for file in sorted((ROOT / "vtonlib").rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    public = {name: file for name, file in named.items() if not re.search(r"\._", name) and name != "vtonlib"}
    return dict(sorted(public.items(), key=lambda item: (layer(item[0]), item[0])))


def layer(module: str) -> int:
    """The number of the layer that ``module`` belongs to."""
    part = module.split(".")[1]
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    raise ValueError(f"{module}: '{part}' has no layer; give it one in tools/api.py, LAYERS")


def surface(file: Path) -> dict[str, str]:
    """The public names that ``file`` defines: functions with signatures, classes with bases, methods, constants."""
    found: dict[str, str] = {}
    for node in ast.parse(file.read_text(encoding="utf8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = f"class({', '.join(map(ast.unparse, (*node.bases, *node.keywords)))})"
            found |= {f"{node.name}.{name}": text for name, text in _members(node).items()}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign):
            found |= _described(node)
    return found


def _members(node: ast.ClassDef) -> dict[str, str]:
    members: dict[str, str] = {}
    for child in node.body:
        members |= _described(child)
    return members


def _described(node: ast.stmt) -> dict[str, str]:
    """A public function, field or constant: its name, and what a caller sees of it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        found = {node.name: f"({ast.unparse(node.args)}){returns}"}
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        found = {node.target.id: ast.unparse(node.annotation)}
    elif isinstance(node, ast.Assign):
        found = {target.id: "constant" for target in node.targets if isinstance(target, ast.Name)}
    else:
        found = {}
    return {name: text for name, text in found.items() if not name.startswith("_") or name == "__init__"}


def whole_surface() -> dict[str, dict[str, str]]:
    """The public names of every module that has any."""
    return {name: found for name, file in modules().items() if (found := surface(file))}


def page() -> str:
    """The API page: one section per module, from the bottom layer up."""
    parts = [HEAD]
    for name in whole_surface():
        directive = f".. automodule:: {name}\n   :members:\n   :undoc-members:\n   :show-inheritance:"
        parts.append(f"## {name}\n\n```{{eval-rst}}\n{directive}\n```\n")
    return "\n".join(parts)


def record() -> str:
    """The surface as JSON."""
    return json.dumps(whole_surface(), indent=1) + "\n"


def with_url(text: str, old: str, new: str) -> str:
    """``text`` with the repository ``old`` (owner/name) replaced by ``new``, its site's address included."""
    (old_owner, old_name), (owner, name) = old.split("/"), new.split("/")
    site = text.replace(f"{old_owner}.github.io/{old_name}", f"{owner}.github.io/{name}")
    return re.sub(rf"(?<=[/:]){re.escape(old)}(?![\w-])", new, site)


def main(_: list[str]) -> None:
    """Rewrite all of it."""
    new = repository()[0].removeprefix("https://github.com/")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    old = project["urls"]["Repository"].removeprefix("https://github.com/")
    for name in URL_FILES:
        write(ROOT / name, with_url((ROOT / name).read_text(encoding="utf8"), old, new))
    write(PAGE, page())
    write(RECORD, record())
    print(f"derive: wrote {', '.join(str(f.relative_to(ROOT)) for f in (PAGE, RECORD))}; the repository is {new}")
