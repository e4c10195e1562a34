"""The built site as one zip that works offline, and as a PDF where a browser is installed.

python -m tools.book.export join TARGET PART...    one PDF of many; as_pdf runs it where pypdf is installed
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools import environment, site
from tools.shell import ROOT
from tools.site import HTML, pages

ZIP, PDF = ROOT / "_build" / "vton-book-site.zip", ROOT / "_build" / "vton-book.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same site gives the same zip


def as_zip() -> Path:
    """Pack the site; whoever unpacks it opens index.html, without a network."""
    files = sorted(f for f in HTML.rglob("*") if f.is_file() and f.name != ".buildinfo")
    part = ZIP.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"vton-book/{file.relative_to(HTML).as_posix()}", EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    part.replace(ZIP)
    return ZIP


def as_pdf() -> Path:
    """Print each page with Chromium and join the pages into one file, with an outline.

    Raises:
        SystemExit: where no Chromium is installed; it names the package.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise SystemExit("--pdf needs Chromium; on Debian: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        printed = [
            _print(browser, HTML / f"{name}.html", Path(folder) / f"{i:03d}.pdf") for i, name in enumerate(pages())
        ]
        command = [environment.python(), "-m", "tools.book.export", "join", PDF, *printed]
        subprocess.run([str(part) for part in command], check=True, cwd=ROOT)
    return PDF


def join(target: Path, parts: Sequence[Path]) -> None:
    """One PDF of the printed pages, in order; links to other pages lead to the published site."""
    from pypdf import PdfWriter
    from pypdf.generic import NameObject, TextStringObject

    writer = PdfWriter()
    for part in parts:
        writer.append(part, outline_item=title(part))
    for page in writer.pages:
        for annotation in page.annotations or ():
            action = annotation.get_object().get("/A", {})
            if "/URI" in action:
                action[NameObject("/URI")] = TextStringObject(published(action["/URI"]))
    temporary = target.with_suffix(".part")
    writer.write(temporary)
    temporary.replace(target)


def title(part: Path) -> str:
    """The title of a printed page, without the book's."""
    from pypdf import PdfReader

    metadata = PdfReader(part).metadata
    return ((metadata and metadata.title) or part.stem).partition(" — ")[0]


def published(url: str) -> str:
    """The published address of a page of the site on this disk; any other address as it is."""
    here = f"{HTML.as_uri()}/"
    return site.published() + url.removeprefix(here) if url.startswith(here) else url


def _print(browser: str, page: Path, target: Path) -> Path:
    """One page as PDF; the browser gets time to set the mathematics."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--virtual-time-budget=20000")
    command = [browser, *options, f"--print-to-pdf={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return target


if __name__ == "__main__":
    join(Path(sys.argv[2]), [Path(part) for part in sys.argv[3:]])
