"""Answers to the book's exercises, checked with hints: ``check.end_point_error(my_function)``.

Book: sec-how-to-use.
"""

from vtonlib.check.matching import attention_map, expected_coordinates, nearest_key, row_entropy, with_temperature
from vtonlib.check.measures import end_point_error, masked_mean, pck

__all__ = [
    "attention_map",
    "end_point_error",
    "expected_coordinates",
    "masked_mean",
    "nearest_key",
    "pck",
    "row_entropy",
    "with_temperature",
]
