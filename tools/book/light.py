"""Lighter pages: of the theme's two thousand icons only those that the site shows, and large pictures as WebP."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
ICONS = "_static/scripts/fontawesome.js"
ENTRY = re.compile(r'"?(?P<name>[a-z0-9-]+)"?:\[\d+,\d+,\[(?P<aliases>[^\]]*)\],"[0-9a-f]*",(?:"[^"]*"|\[[^\]]*\])\],?')
"""One icon of Font Awesome's script: name, size, other names, code, path."""
LARGE = 100_000
"""Bytes of a picture that is worth it: WebP without losses takes two fifths less than PNG, and half a second."""


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


def as_webp(picture: Path) -> str:
    """Write a PNG anew as WebP, without losses, beside itself; returns its new name."""
    new = picture.with_suffix(".webp")
    with Image.open(picture) as image:
        image.save(new, lossless=True, quality=30, method=1)  # of lossless WebP the effort, not the looks
    picture.unlink()
    return new.name


def lighten_icons(folder: Path) -> None:
    """Cut the theme's icons."""
    script = folder / ICONS
    if not script.exists():
        return
    others = [f for kind in ("*.html", "*.js") for f in folder.rglob(kind) if f != script and "mathjax" not in f.parts]
    try:
        light = with_icons(script.read_text(encoding="utf8"), named(f.read_text(encoding="utf8") for f in others))
    except ValueError as error:
        log.warning("%s: %s", ICONS, error)
        return
    script.write_text(light, encoding="utf8")


def lighten_pictures(folder: Path) -> None:
    """Write large pictures as WebP, and their names into the pages that show them."""
    large = [f for f in sorted((folder / "_images").glob("*.png")) if f.stat().st_size >= LARGE]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow lets other threads run while it encodes
        names = dict(zip((f.name for f in large), pool.map(as_webp, large), strict=True))
    if not names:
        return
    old = re.compile("|".join(map(re.escape, names)))
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf8")
        if (new := old.sub(lambda found: names[found[0]], text)) != text:
            page.write_text(new, encoding="utf8")


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """When the site is built."""
    if not exception and app.builder.format == "html":
        lighten_icons(Path(app.outdir))
        lighten_pictures(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
