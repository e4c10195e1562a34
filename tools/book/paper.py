"""What a book on paper has and a site has not: a title, contents with page numbers, numbers on pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from tools.book.citing import recorded
from tools.site import published, repository

if TYPE_CHECKING:
    from pypdf import PdfWriter

STYLE = """
@page { size: A4; margin: 25mm 22mm; }
body { font: 11pt/1.5 serif; } h1 { font-size: 30pt; line-height: 1.2; margin: 70mm 0 4mm; } h2 { break-before: page; }
h3 { margin: 5mm 0 1mm; font-size: 12pt; } ol { list-style: none; margin: 0; padding: 0; }
li { display: flex; } li::after { content: ""; order: 1; flex: 1; border-bottom: 1px dotted; margin: 0 2mm 1.2mm; }
li span { order: 2; } a { color: inherit; text-decoration: none; } .deeper { padding-left: 6mm; }
"""
FOOT = 30
"""Points from the lower edge to a page's number."""
INSIDE = "https://inside.invalid/"
"""What contents link to until pages are joined."""


def front(parts: Sequence[tuple[str, Sequence[str]]], titles: Mapping[str, str], first: Mapping[str, int]) -> str:
    """Title page and contents as HTML: parts with their pages, and where each begins."""
    book, _, subtitle = recorded("title").partition(": ")
    lines = [f"<!doctype html><meta charset='utf8'><title>{escape(book)}</title><style>{STYLE}</style>"]
    lines += [f"<h1>{escape(book)}</h1><p><big>{escape(subtitle)}</big></p><p>{escape(recorded('name'))}</p>"]
    lines += [
        f"<p>Version {recorded('version')}, {recorded('year')}. Text and pictures: CC BY 4.0. Code: Apache-2.0.</p>"
    ]
    lines += [f"<p>{published()}<br>{repository()[0]}</p><p>Printed from the site: what can be clicked there is shown"]
    lines += [" here as it begins, and what is folded there is open here.</p><h2>Contents</h2>"]
    for caption, all_names in parts:
        names = [name for name in all_names if name in first]
        lines.append(f"<h3>{escape(caption)}</h3><ol>" if names else "<ol>")
        for name in names:
            deeper = ' class="deeper"' if name.count("/") > 1 else ""
            link = f'<a href="{INSIDE}{name}">{escape(titles[name])}</a>'
            lines.append(f"<li{deeper}>{link} <span>{first[name]}</span></li>")
        lines.append("</ol>")
    return "\n".join(lines)


def number(writer: PdfWriter, before: int) -> None:
    """Write its number at the foot of each page behind the first ``before``."""
    from pypdf import PageObject
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    font = DictionaryObject({NameObject(k): NameObject(v) for k, v in FONT.items()})
    for shown, page in enumerate(writer.pages[before:], start=1):
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        over = PageObject.create_blank_page(width=width, height=height)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 9 Tf {width / 2 - 2.5 * len(str(shown)):.1f} {FOOT} Td ({shown}) Tj ET".encode())
        over[NameObject("/Contents")] = stream
        fonts = DictionaryObject({NameObject("/F1"): font})
        over[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page.merge_page(over)


FONT = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}


def relink(writer: PdfWriter, first: Mapping[str, int], here: str) -> None:
    """Lead links to whole pages to their place in this file, those to sections to the published site.

    Args:
        writer: the joined file.
        first: the index of each page's first sheet, by its name.
        here: the address of the site's folder on this disk.
    """
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

    for page in writer.pages:
        for annotation in page.annotations or ():
            link = annotation.get_object()
            url = str(link.get("/A", {}).get("/URI", ""))
            name = inside(url, here)
            if name in first:
                goal = ArrayObject([writer.pages[first[name]].indirect_reference, NameObject("/Fit")])
                link[NameObject("/A")] = DictionaryObject(
                    {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): goal}
                )
            elif url.startswith(f"{here}/"):
                link["/A"][NameObject("/URI")] = TextStringObject(public(url, here))


def inside(url: str, here: str) -> str:
    """The name of the page that an address means as a whole; empty for a section, and for what is not of the book."""
    if url.startswith(INSIDE):
        return url.removeprefix(INSIDE)
    for root in (f"{here}/", published()):
        if url.startswith(root) and url.endswith(".html"):
            return url.removeprefix(root).removesuffix(".html")
    return ""


def public(url: str, here: str) -> str:
    """The published address of a page of the site on this disk; any other address as it is."""
    return published() + url.removeprefix(f"{here}/") if url.startswith(f"{here}/") else url
