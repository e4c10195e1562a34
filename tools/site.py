"""The site: built with warnings as errors, and complete only if every page of the contents is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tools.shell import ROOT
from tools.steps import Step, run

HTML = ROOT / "_build" / "html"
# The console script would not do: it may belong to another environment than the interpreter.
BUILD = "import sys; from jupyter_book.cli.main import main; sys.argv[0] = 'jupyter-book'; main()"
SITE = Step(
    name="site",
    argv=("-c", BUILD, "build", ".", "-W", "--keep-going", "--all", "-q"),
    inputs=(
        *("_config.yml", "_toc.yml", "book", "notebooks", "vtonlib", "claims", "results", "tests", "tools"),
        *("requirements.txt", "constraints.txt", "benchmarks/results/trials.json"),
    ),
    outputs=("_build/html/index.html",),
)


def pages() -> list[str]:
    """The documents that ``_toc.yml`` names, root first."""
    text = (ROOT / "_toc.yml").read_text(encoding="utf8")
    return re.findall(r"^\s*-?\s*(?:root|file):\s*(\S+)", text, flags=re.MULTILINE)


def parts() -> list[tuple[str, list[str]]]:
    """The parts of ``_toc.yml`` with the documents of each; what stands before the first part has no caption."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in (ROOT / "_toc.yml").read_text(encoding="utf8").splitlines():
        if match := re.match(r"\s*-?\s*(caption|root|file):\s*(.+)$", line):
            if match[1] == "caption":
                found.append((match[2].strip(), []))
            else:
                found[-1][1].append(match[2].strip())
    return found


def missing_pages() -> list[str]:
    """The pages of the contents that the built site lacks. Jupyter Book 2 ends well without a page: hence the check."""
    return [page for page in pages() if not (HTML / f"{page}.html").exists()]


def repository() -> tuple[str, str]:
    """The repository's URL and branch, which stand in ``_config.yml`` and nowhere else by hand."""
    text = (ROOT / "_config.yml").read_text(encoding="utf8")
    url, branch = (re.search(rf"^  {key}: (\S+)$", text, flags=re.MULTILINE) for key in ("url", "branch"))
    if not url or not branch:
        raise SystemExit("_config.yml: expected repository.url and repository.branch")
    return url[1], branch[1]


@cache
def published() -> str:
    """The address of the published site, which stands in ``_config.yml``; it ends with a slash."""
    text = (ROOT / "_config.yml").read_text(encoding="utf8")
    if not (match := re.search(r"^  baseurl: (\S+/)$", text, flags=re.MULTILINE)):
        raise SystemExit("_config.yml: expected html.baseurl, ending with a slash")
    return match[1]


def build(python: str, *, force: bool = False) -> Path:
    """Build the site where its sources changed (or anyway), and return its first page."""
    if force or missing_pages():
        SITE.stamp.unlink(missing_ok=True)
    run(SITE, python)
    if missing_pages():
        SITE.stamp.unlink(missing_ok=True)
        raise SystemExit(f"site: these pages of _toc.yml were not built: {', '.join(missing_pages())}")
    return HTML / "index.html"
