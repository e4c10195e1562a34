"""The one cell that starts every notebook, with the repository's address and the library's version filled in."""

from __future__ import annotations

import re

from tools.shell import ROOT
from tools.site import repository

# What pip must bring beside vtonlib where only Colab's packages are there; --no-deps keeps it from touching torch.
MISSING_ON_COLAB = ("jaxtyping", "wadler-lindig", "torchmetrics", "lightning-utilities")
HEAD = """\
# @title Setup (run this first)
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("vtonlib") is None:  # Colab; its torch stays
    packages = "{others}"
    vtonlib = "git+{url}@{branch}"
    pip = f"{{sys.executable}} -m pip install -q --no-deps {{packages}} {{vtonlib}}"
    subprocess.check_call(pip.split())
"""
TAIL = """\
session = setup("{version}")"""
FOLDED = {"setup", "hide-input"}
"""Tags of cells whose code is folded: in JupyterLab and Colab by metadata, on the site by MyST-NB."""
IMPORT = "from vtonlib.viz.notebook import setup"


def version() -> str:
    """The library's version."""
    text = (ROOT / "vtonlib" / "__init__.py").read_text(encoding="utf8")
    match = re.search(r'^__version__ = "([^"]+)"', text, flags=re.MULTILINE)
    if not match:
        raise SystemExit("vtonlib/__init__.py: expected __version__")
    return match[1]


def source(text: str = "") -> str:
    """The standard cell, with the chapter's imports that ``text`` holds between its head and its last line."""
    url, branch = repository()
    others = " ".join(MISSING_ON_COLAB)
    head = HEAD.format(url=url, branch=branch, others=others)
    imports = chapter_imports(text)
    if not re.search(r"^(?:from vtonlib\.viz\.notebook import .*|    )\bsetup\b", imports, flags=re.MULTILINE):
        imports = f"{imports}\n{IMPORT}".strip()
    return "\n".join([head, imports, "", TAIL.format(version=version())])


def chapter_imports(text: str) -> str:
    """What of a setup cell is the chapter's own: the lines between the installation and the session."""
    after = re.sub(r"\A.*?^    subprocess\.check_call\(.*?\)\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^session = setup\(.*\)\s*\Z", "", after, flags=re.MULTILINE).strip()


def colab(name: str) -> str:
    """Where Colab opens the notebook ``name`` of this repository."""
    url, branch = repository()
    return (
        f"https://colab.research.google.com/github/{url.removeprefix('https://github.com/')}/blob/{branch}/{name}.ipynb"
    )


COLAB_LINK = re.compile(r"https://colab\.research\.google\.com/github/[\w.-]+/[\w.-]+/blob/[\w./-]+\.ipynb")


def refreshed(kind: str, text: str, tags: set[str], name: str) -> str:
    """A cell's text with the standard setup, or with Colab links that open this notebook."""
    if kind == "code":
        return source(text) if "setup" in tags else text
    return COLAB_LINK.sub(colab(name), text) if "block-header" in tags else text
