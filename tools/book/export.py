"""The built site as one zip that works offline, and as a PDF where a browser is installed.

python -m tools.book.export join TARGET NAME=PART...    one PDF of many; as_pdf runs it where pypdf is installed
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools import environment, site
from tools.book import paper
from tools.shell import ROOT
from tools.site import HTML, pages

ZIP, PDF = ROOT / "_build" / "vton-book-site.zip", ROOT / "_build" / "vton-book.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same site gives the same zip
PATIENCE = 600
"""Seconds that one page may take."""


def as_zip(folder: Path = HTML, target: Path = ZIP) -> Path:
    """Pack the site; whoever unpacks it opens index.html, without a network."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != ".buildinfo")
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"vton-book/{file.relative_to(folder).as_posix()}", EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    part.replace(target)
    return target


def browser() -> str | None:
    """A Chromium that prints; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def as_pdf() -> Path:
    """Print each page with Chromium, and join the pages behind a title and contents, numbered, with an outline.

    Raises:
        SystemExit: where no Chromium is installed; it names the package.
    """
    if not browser():
        raise SystemExit("--pdf needs Chromium; on Debian: apt install chromium fonts-noto-cjk")
    with tempfile.TemporaryDirectory() as folder:
        printed = [
            f"{name}={print_page(HTML / f'{name}.html', Path(folder) / f'{i:03d}.pdf')}"
            for i, name in enumerate(pages())
        ]
        command = [environment.python(), "-m", "tools.book.export", "join", str(PDF), *printed]
        subprocess.run(command, check=True, cwd=ROOT)
    return PDF


def join(target: Path, parts: dict[str, Path]) -> None:
    """One PDF of the printed pages, by their names, in order; links to their sections lead to the published site."""
    from pypdf import PdfReader, PdfWriter

    titles = {name: title(part) for name, part in parts.items()}
    sizes = {name: len(PdfReader(part).pages) for name, part in parts.items()}
    first, number = {}, 1
    for name, size in sizes.items():
        first[name], number = number, number + size
    writer = PdfWriter()
    with tempfile.TemporaryDirectory() as folder:
        front = Path(folder) / "front.html"
        front.write_text(paper.front(site.parts(), titles, first), encoding="utf8")
        writer.append(print_page(front, front.with_suffix(".pdf")))
    before = len(writer.pages)
    for name, part in parts.items():
        writer.append(part, outline_item=titles[name])
    paper.number(writer, before)
    paper.relink(writer, {name: before + page - 1 for name, page in first.items()}, HTML.as_uri())
    writer.add_metadata({"/Title": paper.recorded("title"), "/Author": paper.recorded("name")})
    temporary = target.with_suffix(".part")
    writer.write(temporary)
    temporary.replace(target)


def title(part: Path) -> str:
    """The title of a printed page, without the book's."""
    from pypdf import PdfReader

    metadata = PdfReader(part).metadata
    return ((metadata and metadata.title) or part.stem).partition(" — ")[0]


def print_page(page: Path, target: Path) -> Path:
    """One page as PDF; the browser gets time to set the mathematics."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--virtual-time-budget=20000")
    command = [browser() or BROWSERS[0], *options, f"--print-to-pdf={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    if not target.exists():
        raise SystemExit(f"--pdf: the browser did not print {page}")
    return target


if __name__ == "__main__":
    join(Path(sys.argv[2]), {word.partition("=")[0]: Path(word.partition("=")[2]) for word in sys.argv[3:]})
