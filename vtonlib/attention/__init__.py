"""One object for every attention of the book: queries, keys and their lattices, read without the n x n map.

A model computes its attention in a parameter-free :class:`AttentionCore`; within ``with AttentionTap(model) as tap:``
every core leaves an :class:`AttentionRecord` under its module path; and everything else is read from records.
"""

from vtonlib.attention.core import AttentionCore, Grid
from vtonlib.attention.read import coordinate_spread, expected_coordinates, nearest_coordinates
from vtonlib.attention.record import AttentionRecord
from vtonlib.attention.tap import AttentionTap

__all__ = [
    "AttentionCore",
    "AttentionRecord",
    "AttentionTap",
    "Grid",
    "coordinate_spread",
    "expected_coordinates",
    "nearest_coordinates",
]
