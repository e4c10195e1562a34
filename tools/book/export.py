"""The built site as one zip that works offline, and as a PDF where a browser and a tool to join pages are installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

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
    """Print each page with Chromium and join the pages with pdfunite (poppler-utils).

    Raises:
        SystemExit: where one of the two is not installed; it names the packages.
    """
    browser, join = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("pdfunite")
    if not browser or not join:
        raise SystemExit("--pdf needs Chromium and pdfunite; on Debian: apt install chromium poppler-utils")
    with tempfile.TemporaryDirectory() as folder:
        printed = [
            _print(browser, HTML / f"{name}.html", Path(folder) / f"{i:03d}.pdf") for i, name in enumerate(pages())
        ]
        subprocess.run([join, *map(str, printed), str(PDF)], check=True)
    return PDF


def _print(browser: str, page: Path, target: Path) -> Path:
    """One page as PDF; the browser gets time to set the mathematics."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--virtual-time-budget=20000")
    command = [browser, *options, f"--print-to-pdf={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return target
