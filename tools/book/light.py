"""Pages lighter than their theme: of its two thousand icons only those that the site shows are sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
ICONS = "_static/scripts/fontawesome.js"
ENTRY = re.compile(r'"?(?P<name>[a-z0-9-]+)"?:\[\d+,\d+,\[(?P<aliases>[^\]]*)\],"[0-9a-f]*",(?:"[^"]*"|\[[^\]]*\])\],?')
"""One icon of Font Awesome's script: name, size, other names, code, path."""


def named(texts: Iterable[str]) -> set[str]:
    """The icons that pages and scripts name, as ``fa-bars``."""
    return {name for text in texts for name in re.findall(r"\bfa-([a-z0-9-]+)", text)}


def with_icons(script: str, wanted: set[str]) -> str:
    """Font Awesome's script with only the wanted icons.

    Raises:
        ValueError: where the script does not look as expected, so that cutting it would be a guess.
    """
    if len(ENTRY.findall(script)) < len(wanted):
        raise ValueError("it lists fewer icons than are wanted: its form has changed")

    def kept(match: re.Match[str]) -> str:
        names = {match["name"], *re.findall(r'"([^"]+)"', match["aliases"])}
        return match[0] if names & wanted else ""

    return ENTRY.sub(kept, script)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """When the site is built."""
    folder = Path(app.outdir)
    script = folder / ICONS
    if exception or not script.exists():
        return
    others = [f for kind in ("*.html", "*.js") for f in folder.rglob(kind) if f != script and "mathjax" not in f.parts]
    try:
        light = with_icons(script.read_text(encoding="utf8"), named(f.read_text(encoding="utf8") for f in others))
    except ValueError as error:
        log.warning("%s: %s", ICONS, error)
        return
    script.write_text(light, encoding="utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
