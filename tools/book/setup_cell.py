"""The one cell that starts every notebook, with the repository's address and the library's version filled in."""

from __future__ import annotations

import re

from tools.shell import ROOT
from tools.site import repository

# What pip must bring beside vtonlib where only Colab's packages are there; --no-deps keeps it from touching torch.
MISSING_ON_COLAB = ("jaxtyping", "wadler-lindig", "torchmetrics", "lightning-utilities")
TEMPLATE = """\
# Installs vtonlib where it is missing (Colab). It never touches torch or numpy.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("vtonlib") is None:
    packages = [
        "vtonlib @ git+{url}@{branch}",
        {others},
    ]
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *packages])

from vtonlib.viz.notebook import setup

session = setup("{version}")"""


def version() -> str:
    """The library's version."""
    text = (ROOT / "vtonlib" / "__init__.py").read_text(encoding="utf8")
    match = re.search(r'^__version__ = "([^"]+)"', text, flags=re.MULTILINE)
    if not match:
        raise SystemExit("vtonlib/__init__.py: expected __version__")
    return match[1]


def source() -> str:
    """The cell's text."""
    url, branch = repository()
    others = ",\n        ".join(f'"{name}"' for name in MISSING_ON_COLAB)  # as ruff formats it
    return TEMPLATE.format(url=url, branch=branch, others=others, version=version())


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
        return source() if "setup" in tags else text
    return COLAB_LINK.sub(colab(name), text) if "block-header" in tags else text
