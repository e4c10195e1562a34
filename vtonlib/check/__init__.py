"""Answers to the book's exercises, checked with hints: ``check.end_point_error(my_function)``.

Book: sec-how-to-use.
"""

from vtonlib.check.matching import attention_map, expected_coordinates, nearest_key, row_entropy, with_temperature
from vtonlib.check.measures import end_point_error, masked_mean, pck
from vtonlib.check.strip import by_hand_7_1, uniform_error
from vtonlib.check.world import best_constant, by_hand_1_1, colour_attention, mirrored_flow

__all__ = [
    "attention_map",
    "best_constant",
    "by_hand_1_1",
    "by_hand_7_1",
    "colour_attention",
    "end_point_error",
    "expected_coordinates",
    "masked_mean",
    "mirrored_flow",
    "nearest_key",
    "pck",
    "row_entropy",
    "uniform_error",
    "with_temperature",
]
