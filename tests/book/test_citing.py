"""How to cite: CITATION.cff keeps its format, and each chapter has its BibTeX."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.book import citing
from tools.book.page import all_pages
from tools.shell import ROOT
from tools.site import published

yaml = pytest.importorskip("yaml")
# The Citation File Format, 1.2.0: what a file must have, and what it may.
NEEDED = {"cff-version", "message", "title", "authors"}
ALLOWED = NEEDED | {
    "abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url",
    "preferred-citation", "references", "repository", "repository-artifact", "repository-code", "type", "url",
    "version",
}  # fmt: skip
REFERENCE_NEEDED = {"type", "title", "authors"}
ENTITY = {"name", "address", "alias", "city", "country", "email", "website", "orcid"}


def problems(content: dict[str, Any]) -> list[str]:
    """What the format forbids, of the parts that this book uses."""
    found = [f"no {key}" for key in sorted(NEEDED - set(content))]
    found += [f"unknown: {key}" for key in sorted(set(content) - ALLOWED)]
    found += ["type"] if content.get("type", "software") not in {"software", "dataset"} else []
    cited = content.get("preferred-citation", {})
    found += [f"preferred-citation: no {key}" for key in sorted(REFERENCE_NEEDED - set(cited))] if cited else []
    found += ["year"] if cited and not isinstance(cited.get("year", 0), int) else []
    for author in [*content.get("authors", ()), *cited.get("authors", ())]:
        found += ["author"] if not author.get("name") or set(author) - ENTITY else []
    for part in (content, cited):
        found += [] if isinstance(part.get("license", ""), str) else ["a list of licenses means: any of them"]
        found += [key for key in ("version", "title", "url") if not isinstance(part.get(key, ""), str)]
    return found


def test_the_citation_file_keeps_its_format() -> None:
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert problems(content) == [] and content["cff-version"] == "1.2.0"
    cited = content["preferred-citation"]
    assert (cited["version"], cited["url"]) == (content["version"], content["url"])
    assert (content["license"], cited["license"]) == ("Apache-2.0", "CC-BY-4.0")
    assert (citing.recorded("year"), citing.recorded("title")) == (str(cited["year"]), cited["title"])
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    assert config["copyright"] == str(cited["year"]) and config["author"] == citing.recorded("name")
    assert cited["title"].startswith(f"{config['title']}:")


def test_a_wrong_citation_file_is_found() -> None:
    wrong = {"cff-version": "1.2.0", "title": "x", "authors": [{"nom": "x"}], "type": "book", "licence": "MIT"}
    assert problems(wrong) == ["no message", "unknown: licence", "type", "author"]
    wrong = {"cff-version": "1.2.0", "message": "x", "title": "x", "authors": [], "license": ["a", "b"], "version": 1.0}
    assert problems(wrong) == ["a list of licenses means: any of them", "version"]


def test_every_chapter_can_be_cited() -> None:
    pages = all_pages()
    text = "\n".join(citing.entries(pages))
    keys = re.findall(r"^@(\w+)\{([\w:]+),$", text, re.MULTILINE)
    chapters = [page for page in pages if page.chapter]
    assert len(keys) == len(set(keys)) == 1 + len(chapters) and keys[0][0] == "book"
    for page in chapters:
        assert f"{{{citing.title(page)}}}" in text and f"{{{published()}{page.name}.html}}" in text
        assert citing.title(page) != page.name
    assert text.count("{") == text.count("}") and "$" not in text
