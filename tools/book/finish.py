"""What `python3 -m tools run` does to a notebook besides running it: setup cell, figures' texts, quotes, provenance."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from tools.book import claims, links, plain, provenance, quoting, setup_cell, wrap
from tools.book.page import DATA_MIME, all_pages, from_notebook
from tools.shell import ROOT

Notebook = MutableMapping[str, Any]


def name_of(path: Path) -> str:
    """A notebook's name as ``_toc.yml`` has it; of one elsewhere, its path without suffix."""
    path = path.resolve().with_suffix("")
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def prepare(notebook: Notebook, name: str) -> None:
    """Before a run: the standard setup cell, and Colab links that open this notebook."""
    for cell in notebook["cells"]:
        tags = set(cell["metadata"].get("tags", ()))
        cell["source"] = setup_cell.refreshed(cell["cell_type"], cell["source"], tags, name)


def complete(notebook: Notebook, name: str) -> None:
    """After a run or an edit: figures' texts go into the metadata for pages to find, quoted numbers into the prose."""
    for cell in notebook["cells"]:
        described = [d for o in cell.get("outputs", ()) if "alt" in (d := o.get("data", {}).get(DATA_MIME, {}))]
        if described:
            cell["metadata"]["mystnb"] = rendering(described[0], cell["metadata"].get("mystnb", {}))
    page = from_notebook(name, dict(notebook))
    places = links.places([page if other.name == name else other for other in all_pages()])
    places.numbers.update(numbers := links.equation_numbers(page))
    places.pages.update({label: name for cell in page.markdown for label in plain.labels(cell.source)})
    reader = links.Reader(name, places, quoting.resolver(page, claims.load(), provenance.runs()))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = links.numbered(cell["source"], numbers)
            cell["source"] = wrap.wrapped(links.filled(text, reader))


def rendering(data: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """MyST-NB's metadata for a figure with this data."""
    image = {"alt": data["alt"]} | ({"width": f"{data['width']}px"} if "width" in data else {})
    figure = {"caption": data["caption"]} if "caption" in data else {}
    rest = {key: value for key, value in known.items() if key not in {"image", "figure"}}
    return {**rest, "image": image, **({"figure": figure} if figure else {})}


def sign(notebook: Notebook, name: str, seconds: float) -> None:
    """After a run: what the outputs were made from goes into the notebook, when and how long into results/."""
    versions = {p: importlib.metadata.version(p).split("+")[0] for p in ("vtonlib", "torch", "numpy")}
    record = {
        "date": datetime.date.today().isoformat(),
        "seconds": max(1, round(seconds)),
        "python": platform.python_version(),
        "versions": versions,
    }
    provenance.remember(name, record)
    made_from = provenance.provenance(from_notebook(name, dict(notebook)))
    notebook["metadata"][provenance.KEY] = {**made_from, "torch": ".".join(versions["torch"].split(".")[:2])}


def refresh_texts() -> list[str]:
    """Setup cells, Colab links and quoted numbers of every page of the book; the files that changed."""
    import json

    from tools.book.page import load, notebook_names
    from tools.shell import write
    from tools.site import pages

    changed = []
    for name in notebook_names():
        path = ROOT / f"{name}.ipynb"
        before = path.read_text(encoding="utf8")
        notebook = json.loads(before)
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        prepare(notebook, name)
        complete(notebook, name)
        for cell in notebook["cells"]:
            cell["source"] = cell["source"].splitlines(keepends=True)
        after = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if after != before:
            write(path, after)
            changed.append(f"{name}.ipynb")
    for name in pages():
        page = load(name)
        if page and not page.notebook:
            path, resolve = ROOT / f"{name}.md", quoting.resolver(page, claims.load(), provenance.runs())
            if (after := quoting.filled(page.cells[0].source, resolve)) != page.cells[0].source:
                write(path, after)
                changed.append(f"{name}.md")
    return changed
