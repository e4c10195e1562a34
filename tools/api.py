"""What follows from other files: the API pages, the record of the API's surface, and the repository's URL.

Read from the sources without importing them, so that the result is the same for every version of every package.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from functools import cache
from pathlib import Path

from tools.shell import ROOT, write
from tools.site import published, repository

FOLDER = "book/api"
RECORD = ROOT / "tests" / "goldens" / "api_surface.json"
URL_FILES = (
    *("README.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", "_config.yml"),
    *("book/*.md", "notebooks/*.ipynb"),
)
WRITTEN = "<!-- Written by: python3 -m tools derive -->\n"
OVERVIEW = """\
# API reference

Every public name of `vtonlib`, from its docstrings, a page for each package. A package imports only from those above it
in this list. Shapes are written as in {ref}`sec-notation`.
"""
DIRECTIVE = """\
.. automodule:: {}
   :members:
   :show-inheritance:"""
LAYERS: tuple[tuple[str, ...], ...] = (
    ("cost", "disk", "memory", "settings", "shares"),
    ("grids", "config", "images", "records", "weights"),
    ("thin_plate", "diffusion"),
    ("attention", "data"),
    ("models", "losses", "evaluation"),
    ("pipelines", "official", "files", "check"),
    ("tasks",),
    ("training",),
    ("presets",),
    ("checkpoints", "published"),
    ("ladder",),
    ("experiment", "failures", "mutation", "viz"),
    ("scoring",),
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


@cache
def whole_surface() -> dict[str, dict[str, str]]:
    """The public names of every module that has any."""
    return {name: found for name, file in modules().items() if (found := surface(file))}


def page_of(name: str) -> str:
    """The page that describes a module, or a name in it: ``book/api/`` and the part of vtonlib that it belongs to."""
    return f"{FOLDER}/{name.split('.')[1]}"


def address(name: str) -> str:
    """The published address of a module's or public name's description."""
    if name in modules():
        fragment = f"#module-{name}" if name in whole_surface() else ""  # a package has a page of its own
    else:
        fragment = f"#{name}"
    return f"{published()}{page_of(name)}.html{fragment}"


def summary(file: Path) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def pages() -> dict[str, str]:
    """The API pages by name: an overview, and one page for each part of vtonlib, from the bottom layer up."""
    described = {name: modules()[name] for name in whole_surface()}
    parts: dict[str, list[str]] = {}
    for name in described:
        parts.setdefault(page_of(name), []).append(name)
    links = "\n".join(f"- {{doc}}`vtonlib.{page.rpartition('/')[2]} </{page}>`: {_about(page)}" for page in parts)
    found = {FOLDER: f"{OVERVIEW}\n{links}\n\n{WRITTEN}"}
    for page, names in parts.items():
        package = f"vtonlib.{page.rpartition('/')[2]}"
        single = names == [package]
        head = f"# {package}\n\n" + (WRITTEN if single else f"{_about(page)}\n\n{WRITTEN}")
        titles = ["" if single else f"## {name}\n\n" for name in names]
        sections = [
            f"{title}```{{eval-rst}}\n{DIRECTIVE.format(name)}\n```\n"
            for title, name in zip(titles, names, strict=True)
        ]
        found[page] = "\n".join([head, *sections])
    return found


def _about(page: str) -> str:
    return summary(modules()[f"vtonlib.{page.rpartition('/')[2]}"])


def contents(text: str) -> str:
    """``_toc.yml`` with the API pages below their overview."""
    below = "".join(f"\n          - file: {page}" for page in list(pages())[1:])
    entry = rf"(      - file: {FOLDER})(?:\n        sections:(?:\n          - file: {FOLDER}/\w+)*)?$"
    return re.sub(entry, rf"\1\n        sections:{below}", text, flags=re.MULTILINE)


def record() -> str:
    """The surface as JSON."""
    return json.dumps(whole_surface(), indent=1) + "\n"


def with_addresses(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """``text`` with the addresses ``old`` of repository and site replaced by ``new``."""
    (old_repository, old_site), (repository, site) = old, new
    owner_and_name = [url.removeprefix("https://github.com/") for url in (old_repository, repository)]
    return re.sub(rf"(?<=[/:]){re.escape(owner_and_name[0])}(?![\w-])", owner_and_name[1], text.replace(old_site, site))


def main(_: list[str]) -> None:
    """Rewrite all of it."""
    new = repository()[0], published()
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]["urls"]
    old = urls["Repository"], urls["Documentation"]
    for file in (f for pattern in URL_FILES for f in ROOT.glob(pattern)):
        text = file.read_text(encoding="utf8")
        if (moved := with_addresses(text, old, new)) != text:
            write(file, moved)
    for name, text in pages().items():
        write(ROOT / f"{name}.md", text)
    for file in (ROOT / FOLDER).glob("*.md"):
        if f"{FOLDER}/{file.stem}" not in pages():
            file.unlink()
    write(ROOT / "_toc.yml", contents((ROOT / "_toc.yml").read_text(encoding="utf8")))
    write(RECORD, record())
    print(f"derive: wrote {len(pages())} API pages, {RECORD.relative_to(ROOT)}; the repository is {new[0]}")
