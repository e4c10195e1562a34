"""What every interactive figure is: a custom element, its data in the page, and one JavaScript module.

It needs no kernel, no network and no file beside the page. Where scripts do not run, what the element contains is
shown instead: the pictures, the numbers and the caption.
"""

from __future__ import annotations

import base64
import io
import json
import re
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

BUDGET = 380_000
"""Bytes that one figure may add to a page, unless told otherwise: two do not fit into the page's 400 kB."""
SHEET_QUALITY = 90
"""Of pictures that are compressed with losses."""
IDLE = re.compile(r"^\s*//.*\n|^\s+| +(?=[{}]|=>)|(?<=\{) +|(?<==>) +", re.MULTILINE)
"""What of a script a page needs not: lines of comment, indentation, and blanks beside braces and arrows."""


class ElementFigure:
    """An interactive figure. Subclasses name their module and build their markup."""

    script: ClassVar[Path]
    """The JavaScript file that defines the custom element.

    :meta hide-value:
    """
    _parts: ClassVar[tuple[str, ...]] = ()
    """Scripts beside this module that it shares with some figures."""
    markup: str
    """The element with its data, and what is shown where scripts do not run."""

    def _repr_html_(self) -> str:
        return f'{self.markup}\n<script type="module">\n{IDLE.sub("", self.script_text())}</script>'

    @classmethod
    def script_text(cls) -> str:
        """The text of that file, after what all figures share and its parts."""
        shared = [Path(__file__).with_name(name) for name in ("base.js", *cls._parts)]
        return "\n".join(file.read_text(encoding="utf8") for file in (*shared, cls.script))

    def within(self, budget: int, remedy: str) -> Self:
        """This figure, once it is known to add at most ``budget`` bytes to a page.

        Raises:
            ValueError: if it adds more; the message ends with ``remedy``.
        """
        size = len(self._repr_html_().encode())
        if size > budget:
            raise ValueError(
                f"the figure takes {size / 1000:.0f} kB of the page, expected at most {budget / 1000:.0f} kB: {remedy}"
            )
        return self


def element(tag: str, data: dict[str, Any], fallback: str, caption: str) -> str:
    """The markup of a custom element: its data as JSON, what is shown without scripts, and a caption."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, allow_nan=False).replace("<", "\\u003c")
    shown = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    body = f'<script type="application/json">{text}</script><figure>{fallback}{shown}</figure>'
    return f'<{tag} class="vton-demo">{body}</{tag}>'


def picture(image: Float[Tensor, "3 h w"], alt: str) -> str:
    """An ``<img>`` that carries an image in [-1, 1] as PNG."""
    return _image(image, alt, "", format="png", optimize=True)


def sheet(image: Float[Tensor, "3 h w"], alt: str) -> str:
    """An ``<img>`` that carries many pictures side by side, in [-1, 1], compressed with losses; never wider than the
    page."""
    style = ' style="max-width: 100%; height: auto"'
    return _image(image, alt, style, format="webp", quality=SHEET_QUALITY, method=6)


def _image(image: Tensor, alt: str, style: str, *, format: str, **encoding: Any) -> str:
    pixels = ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).movedim(0, -1)
    file = io.BytesIO()
    Image.fromarray(pixels.contiguous().numpy()).save(file, format=format, **encoding)
    height, width = image.shape[-2:]
    source = f"data:image/{format};base64,{base64.b64encode(file.getvalue()).decode()}"
    return f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alt)}"{style}>'


def table(caption: str, head: list[str], rows: list[list[str]]) -> str:
    """An HTML table whose first column names its rows."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
