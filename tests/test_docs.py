"""Docstrings, links and the repository's address."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from tools import api, site
from tools.shell import ROOT

MODULES = api.modules()
TEXTS = [f for pattern in ("*.md", "book/*.md") for f in sorted(ROOT.glob(pattern))]
UNDERSTOOD = {"forward", "to"}  # torch's own names: what they do is said once, by torch


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


@pytest.mark.parametrize("module", MODULES)
def test_references_to_the_book_are_well_formed(module: str) -> None:
    references = re.findall(r"Book: ?(\S+)", MODULES[module].read_text(encoding="utf8"))
    assert [r for r in references if not re.fullmatch(r"sec-[a-z0-9-]+[.,]?(\"\"\")?", r)] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_relative_links_lead_somewhere(path) -> None:
    links = re.findall(r"(?<!`)\]\(([^)\s]+)\)", path.read_text(encoding="utf8"))
    local = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith(("#", "mailto:"))]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_repository_stands_in_one_place() -> None:
    url, branch = site.repository()
    owner, name = url.removeprefix("https://github.com/").split("/")
    pages = f"https://{owner}.github.io/{name}/"
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]["urls"]
    assert urls == {"Repository": url, "Documentation": pages}
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf8")
    assert f"repository-code: {url}\n" in citation and f"\nurl: {pages}\n" in citation
    assert f"git+{url}@{branch}" in (ROOT / "README.md").read_text(encoding="utf8")
    config = (ROOT / "_config.yml").read_text(encoding="utf8")
    assert f"  baseurl: {pages}\n" in config and f"ogp_site_url: {pages}\n" in config


def test_derive_moves_the_repository() -> None:
    text = "https://github.com/a/b, git+https://github.com/a/b@main https://a.github.io/b/ https://github.com/a/bc"
    moved = api.with_url(text, "a/b", "c/d")
    assert (
        moved
        == "https://github.com/c/d, git+https://github.com/c/d@main https://c.github.io/d/ https://github.com/a/bc"
    )


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
