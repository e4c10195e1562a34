"""nbval compares no images: figures are compared by their data's digests."""

from __future__ import annotations

import os
from typing import Any

from tools.book.digests import outputs_difference, without_data

os.environ.setdefault(
    "TQDM_DISABLE", "1"
)  # kernels inherit these: no bars, and the same sums everywhere
os.environ.setdefault("OMP_NUM_THREADS", "1")

try:
    from nbval.plugin import IPyNbCell
except (
    ImportError
):  # the library's tests also run where nbval is not installed
    IPyNbCell = None


def patched(compare_text: Any) -> Any:
    """nbval's comparison for everything but data; digests for data."""

    def compare_outputs(
        cell: Any, new: list[Any], stored: list[Any], skip_compare: Any = None
    ) -> bool:
        if not compare_text(
            cell, without_data(new), without_data(stored), skip_compare
        ):
            return False
        found = outputs_difference(stored, new)
        if found:
            cell.comparison_traceback.append(found)
        return not found

    return compare_outputs


if IPyNbCell is not None:
    IPyNbCell.compare_outputs = patched(IPyNbCell.compare_outputs)
