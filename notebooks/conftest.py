"""nbval compares no images. Here figures are compared by the digest of their data, with the tolerance they state."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tools.book.digests import outputs_difference, without_data

os.environ.setdefault("TQDM_DISABLE", "1")  # kernels inherit these: no bars, and the same sums everywhere
os.environ.setdefault("OMP_NUM_THREADS", "1")

nbval = pytest.importorskip("nbval.plugin")
as_text = nbval.IPyNbCell.compare_outputs


def compare_outputs(cell: Any, new: list[Any], stored: list[Any], skip_compare: Any = None) -> bool:
    """Whether the outputs of one cell are the stored ones: data by their digests, everything else as text."""
    if not as_text(cell, without_data(new), without_data(stored), skip_compare):
        return False
    if found := outputs_difference(stored, new):
        cell.comparison_traceback.append(found)
        return False
    return True


nbval.IPyNbCell.compare_outputs = compare_outputs
