"""The few numbers of a report.json that stand for a model: in its provenance record, and where two are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

IMAGE = ("masked SSIM", "garment SSIM", "texture ratio", "colour error")
TRANSLATION = ("texture", "patterned", "FID", "KID", "outside L1", "outside SSIM")
"""Of a translation, which has no true image."""
PLACE = "EPE of height"
"""The error of where the garment's parts came from, in percent of the image's height."""
NOT_ITS_OWN = (", other garment", ", blind twin")
"""Rows of a model that are no result of it."""
BY_FABRIC = " by fabric"


def _cells(table: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The known means of a model's rows, by method and metric."""
    names = [metric["name"] for metric in table["metrics"]]
    found = {}
    for row in table["rows"]:
        if row["kind"] == "model" and not row["method"].endswith(NOT_ITS_OWN):
            cells = zip(names, row["cells"], strict=True)
            found[row["method"]] = {n: c["mean"] for n, c in cells if c is not None and c["mean"] is not None}
    return found


def summary(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By split: scores of the painted image, and the least error of a block or flow; by fabric: one metric each."""
    found: dict[str, dict[str, float]] = {}
    for table in report["tables"]:
        cells = _cells(table)
        if table["split"].endswith(BY_FABRIC):
            values = next((known for known in cells.values() if known), {})
        else:
            columns = TRANSLATION if any("patterned" in known for known in cells.values()) else IMAGE
            values = {name: known[name] for name in columns for known in cells.values() if name in known}
            errors = [known[PLACE] for known in cells.values() if PLACE in known]
            values |= {PLACE: min(errors)} if errors else {}
        found[table["split"]] = {name: round(value, 4) for name, value in values.items()}
    return found


def read(path: Path) -> dict[str, dict[str, float]]:
    """The summary of a report's file."""
    return summary(json.loads(path.read_text(encoding="utf8")))


def count(report: dict[str, Any]) -> int:
    """How many examples each split had."""
    return max(c["n"] for table in report["tables"] for row in table["rows"] for c in row["cells"] if c is not None)
