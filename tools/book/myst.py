"""From the plain form of a notebook to MyST, when the site is built. Pure functions: text in, text out."""

from __future__ import annotations

import json
import re
from typing import Any

from tools.book import plain
from tools.book.page import DATA_MIME
from tools.site import published

BOX_ID = re.compile(r"(D\d+)\. \S")
ASIDE = re.compile(r"^<details>\s*<summary>(.*?)</summary>\n(.*?)^</details>$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"# @title (.+)\n?")


def text(source: str) -> str:
    """A cell's text as MyST."""
    return _references(_labels(_images(_equations(_asides(_boxes(source))))))


def _equations(source: str) -> str:
    """Labels as MyST writes them. The number goes to the site by another way (tools.book.extension)."""
    found = [m for m in plain.EQUATION.finditer(source) if plain.masked(source, math=False)[m.start()] != "\0"]
    for match in reversed(found):
        block = f"$$\n{match['body'].strip()}\n$$ ({match['label']})"
        source = source[: match.start()] + block + source[match.end() :]
    return source


def _images(source: str) -> str:
    """Pictures of the published site, from this repository."""
    return source.replace(f"]({published()}_static/", "](/book/_static/")


def _labels(source: str) -> str:
    """Anchors as targets."""
    visible = plain.masked(source)
    for match in reversed(list(plain.ANCHOR.finditer(visible))):
        source = source[: match.start()] + f"({match['label']})=" + source[match.end() :]
    return source


def _references(source: str) -> str:
    return plain.replaced(source, _reference)


def _reference(reference: plain.Reference) -> str | None:
    """One link or number as a role, or as a link that Sphinx resolves and complains about."""
    said, target = " ".join(reference.text.split()), reference.target
    if reference.kind in {"claim", "value", "run"}:
        return f"{{{reference.kind}}}`{said} <{'notebooks/' if reference.kind == 'run' else ''}{target}>`"
    if reference.kind == "equation":
        return f"{{eq}}`{target}`"
    if reference.kind == "paper":
        return f"{{paper}}`{said} <{target}>`"
    if reference.kind == "box":
        return f"[{reference.text}](#d{target})"
    if reference.kind in {"section", "api"}:
        return f"[{reference.text}](#{target})"
    if reference.kind == "notebook":
        return f"[{reference.text}](/notebooks/{target}.ipynb)"
    if reference.kind == "page":
        return f"{{doc}}`{said} </{target}>`"
    return None


def _boxes(source: str) -> str:
    for box in reversed(plain.boxes(source)):
        known = BOX_ID.match(box.title)
        options = [f":class: disagreement\n:name: {known[1]}"] if known else []
        options += [":class: tip"] if box.title == "Take away" else []
        head = "\n".join([f":::{{admonition}} {box.title}", *options])
        source = source[: box.start] + f"{head}\n\n{box.body}\n:::\n" + source[box.end :]
    return source


def _asides(source: str) -> str:
    """What readers may unfold."""
    return ASIDE.sub(r"::::::{dropdown} \1\n\2::::::", source)


def notebook(content: str) -> str:
    """A notebook's JSON for the site: texts as MyST, machinery folded under its title, echoes left out."""
    stored = json.loads(content)
    for cell in stored["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = text(source)
        elif cell["cell_type"] == "code":
            _fold(cell, source)
    return json.dumps(stored)


def _fold(cell: dict[str, Any], source: str) -> None:
    """A code cell for the site."""
    tags = cell["metadata"].setdefault("tags", [])
    cell["outputs"] = [] if "setup" in tags else [o for o in cell["outputs"] if not _quotes(o)]
    if "setup" in tags and "hide-input" not in tags:
        tags.append("hide-input")
    if title := TITLE.match(source):
        prompts = {"code_prompt_show": title[1].strip(), "code_prompt_hide": title[1].strip()}
        cell["metadata"]["mystnb"] = {**cell["metadata"].get("mystnb", {}), **prompts}
        cell["source"] = source[title.end() :]


def _quotes(output: dict[str, Any]) -> bool:
    """Whether an output only carries numbers for the text."""
    return "values" in output.get("data", {}).get(DATA_MIME, {})
