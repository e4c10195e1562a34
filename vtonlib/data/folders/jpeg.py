"""Whether a JPEG file is whole. Decoders fill what is missing with grey and pass over what is too much, silently.

A baseline JPEG picture has just as many bits as its blocks need. So a sound one is decoded to the last row from its own
bytes and a few more, and not without its last ones: damage nearly always shifts where the blocks end. Pillow cannot
be asked for its decoder's warnings, but it waits for bytes that do not come, and says that it did.
"""

from __future__ import annotations

import io
import re

from PIL import Image

FRAMES = range(0xC0, 0xD0)
NO_FRAMES = {0xC4, 0xC8, 0xCC}
SCAN, END, RESTART_EVERY = 0xDA, 0xD9, 0xDD
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
RESTART = re.compile(rb"\xff([\xd0-\xd7])")
SPARE, MISSING = 16, 32
"""Bytes that decoders look ahead, and bytes whose absence they must notice."""


def jpeg_fault(data: bytes) -> str:
    """What is wrong with a JPEG file that Pillow opens; empty if nothing is. Of progressive files only the markers are
    judged: their scans repeat all blocks."""
    try:
        start, frame, restarts = _first_scan(data)
    except (IndexError, ValueError):
        return "its segments lead nowhere"
    end = END_OF_SCAN.search(data, start)
    if end is None:
        return "its end is missing"
    if frame not in (0xC0, 0xC1) or data[end.start() + 1] != END:
        return "" if b"\xff\xd9" in data[start:] else "its end is missing"
    scan = data[start : end.start()]
    if restarts and [marker[0] for marker in RESTART.findall(scan)] != _numbered(len(RESTART.findall(scan))):
        return "its restart markers are out of order"
    if not _decodes(data[:start] + scan + bytes(SPARE)):
        return "its picture needs more data than there is"
    if len(scan) > 4 * MISSING and _decodes(data[:start] + scan[:-MISSING]):
        return "its picture needs less data than there is"
    return ""


def _first_scan(data: bytes) -> tuple[int, int, bool]:
    """Where the first scan's data begins, the kind of frame, and whether there are restart markers."""
    place, frame, restarts = 2, 0, False
    while True:
        if data[place] != 0xFF:
            raise ValueError
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker in FRAMES and marker not in NO_FRAMES:
            frame = marker
        if marker == RESTART_EVERY:
            restarts = data[place + 4] + data[place + 5] > 0
        place += 2 + length
        if marker == SCAN:
            return place, frame, restarts


def _numbered(count: int) -> list[int]:
    """The restart markers of a sound scan."""
    return [0xD0 + number % 8 for number in range(count)]


def _decodes(data: bytes) -> bool:
    """Whether the decoder gets through all rows; at an eighth of the size, which is fast."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft(None, (image.width // 8, image.height // 8))
        try:
            image.load()
        except (OSError, SyntaxError, ValueError):
            return False
    return True
