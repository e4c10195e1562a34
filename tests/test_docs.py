"""Docstrings, links and the repository's address."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from tools import api, site
from tools.book import plain
from tools.shell import ROOT

MODULES = api.modules()
TEXTS = [f for pattern in ("*.md", "book/*.md") for f in sorted(ROOT.glob(pattern))]
UNDERSTOOD = {"forward", "to"}  # torch's own names: what they do is said once, by torch

PLAN = ROOT / "book" / "plan.md"
PAGES = [f for f in (ROOT / "book").glob("*.md") if f != PLAN] + sorted((ROOT / "notebooks").glob("*.ipynb"))


def undocumented(text: str) -> list[str]:
    """The public functions, classes and methods without a docstring."""
    tree = ast.parse(text)
    found = [] if ast.get_docstring(tree) or not tree.body else ["the module"]
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        found += [] if ast.get_docstring(node) else [node.name]
        members = node.body if isinstance(node, ast.ClassDef) else []
        methods = [m for m in members if isinstance(m, ast.FunctionDef) and not m.name.startswith("_")]
        found += [f"{node.name}.{m.name}" for m in methods if not ast.get_docstring(m) and m.name not in UNDERSTOOD]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_documented(module: str) -> None:
    assert undocumented(MODULES[module].read_text(encoding="utf8")) == []


def test_a_missing_docstring_is_found() -> None:
    source = "'M.'\ndef f(): ...\ndef _g(): ...\nclass C:\n    'C.'\n    def h(self): ...\n    def forward(self): ...\n"
    assert undocumented(source) == ["f", "C.h"]


def fields(node: ast.ClassDef) -> dict[str, bool]:
    """The public fields of a class, and whether a docstring stands below each."""
    found = {}
    for item, below in zip(node.body, [*node.body[1:], None], strict=True):
        targets = [item.target] if isinstance(item, ast.AnnAssign) else getattr(item, "targets", [])
        text = (
            isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
        )
        found |= {t.id: text for t in targets if isinstance(t, ast.Name) and not t.id.startswith("_")}
    return found


def without_text(trees: dict[str, ast.Module]) -> list[str]:
    """Fields of public classes without a docstring, unless a base class describes them."""
    classes = {n.name: n for tree in trees.values() for n in tree.body if isinstance(n, ast.ClassDef)}

    def described(node: ast.ClassDef) -> set[str]:
        bases = [classes[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id in classes]
        return {n for n, text in fields(node).items() if text}.union(*(described(b) for b in bases if b is not node))

    public = [
        (m, n) for m, tree in trees.items() for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"
    ]
    return [f"{m}.{n.name}.{name}" for m, n in public for name in fields(n) if name not in described(n)]


def test_every_field_has_a_text() -> None:
    assert without_text({name: ast.parse(file.read_text(encoding="utf8")) for name, file in MODULES.items()}) == []


def test_a_field_without_text_is_found() -> None:
    base = "class B:\n    a: int\n    'A.'\n    b: int\n    _c: int\n"
    tree = ast.parse(
        f"{base}class C(B):\n    a = 1\n    d = 2\n    'D.'\n    def f(self): ...\nclass _P:\n    e: int\n"
    )
    assert without_text({"m": tree}) == ["m.B.b"]


@pytest.mark.parametrize("module", MODULES)
def test_references_to_the_book_are_well_formed(module: str) -> None:
    references = re.findall(r"Book: ?(\S+)", MODULES[module].read_text(encoding="utf8"))
    assert [r for r in references if not re.fullmatch(r"sec-[a-z0-9-]+[.,]?(\"\"\")?", r)] == []


def labels(path: Path) -> set[str]:
    """The sections that a page or notebook labels; examples in code blocks do not count."""
    text = path.read_text(encoding="utf8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        known = {label for cell in cells for label in plain.labels("".join(cell["source"]))}
        return {label for label in known if label.startswith("sec-")}
    return set(re.findall(r"^\((sec-[a-z0-9-]+)\)=$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), flags=re.M))


WRITTEN = set().union(*map(labels, PAGES))


def test_sections_that_docstrings_name_are_written_or_planned() -> None:
    named = {
        label: module
        for module, file in MODULES.items()
        for label in re.findall(r"Book: ?(sec-[a-z0-9-]*[a-z0-9])", file.read_text(encoding="utf8"))
    }
    known = WRITTEN | labels(PLAN)
    assert {label: module for label, module in named.items() if label not in known} == {}, "write it, or plan it"


def test_a_section_that_is_written_is_no_longer_planned() -> None:
    assert labels(PLAN) - {"sec-plan"} and WRITTEN & labels(PLAN) == set()


def test_labels_are_read(tmp_path: Path) -> None:
    text = "(sec-a)=\n# A\n```\n(sec-b)=\n```\nsee (sec-c)= here\n(sec-d-2)=\n## D\n"
    (tmp_path / "a.md").write_text(text)
    text = re.sub(r"\((sec-[\w-]+)\)=", r'<a id="\1"></a>', text) + '\n<a id="eq-x"></a>\n'
    cells = [{"cell_type": "markdown", "source": [text]}, {"cell_type": "code", "source": ['<a id="sec-e"></a>']}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert labels(tmp_path / "a.md") == labels(tmp_path / "a.ipynb") == {"sec-a", "sec-d-2"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_relative_links_lead_somewhere(path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", plain.masked(path.read_text(encoding="utf8")))
    local = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith(("#", "mailto:"))]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_repository_stands_in_one_place() -> None:
    (url, branch), pages = site.repository(), site.published()
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]["urls"]
    assert urls == {"Repository": url, "Documentation": pages}
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf8")
    assert f"repository-code: {url}\n" in citation and f"\nurl: {pages}\n" in citation
    assert f"git+{url}@{branch}" in (ROOT / "README.md").read_text(encoding="utf8")
    config = (ROOT / "_config.yml").read_text(encoding="utf8")
    assert f"  baseurl: {pages}\n" in config and f"ogp_site_url: {pages}\n" in config


def test_derive_moves_repository_and_site() -> None:
    text = "https://github.com/a/b, git+https://github.com/a/b@main https://a.github.io/b/x https://github.com/a/bc"
    moved = api.with_addresses(
        text, ("https://github.com/a/b", "https://a.github.io/b/"), ("https://github.com/c/d", "https://e.org/")
    )
    assert moved == "https://github.com/c/d, git+https://github.com/c/d@main https://e.org/x https://github.com/a/bc"


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf8")
    assert f'__version__ = "{project["version"]}"' in (ROOT / "vtonlib" / "__init__.py").read_text(encoding="utf8")


def test_nothing_names_a_machine() -> None:
    """No file tells where it was written or which registry it was installed from."""
    folders = ("vtonlib", "tools", "book", "notebooks", "tests", "benchmarks", "claims", "results", ".ci", ".github")
    files = [f for folder in folders for f in (ROOT / folder).rglob("*") if f.is_file()]
    files += [f for f in ROOT.iterdir() if f.is_file() and not f.name.startswith(".part")]
    text = {".py", ".md", ".txt", ".json", ".yml", ".toml", ".cff", ".ipynb", ".bib", ".cfg", ".css", ".js", ""}
    pattern = re.compile(r"/(?:work|home|root|Users)/\w|pypi\.org|files\.pythonhosted|download\.pytorch|/opt/\w")
    named = [f for f in files if f.suffix in text and "__pycache__" not in f.parts and f.name != "test_docs.py"]
    assert [str(f.relative_to(ROOT)) for f in named if pattern.search(f.read_text(encoding="utf8"))] == []
