"""Answers to the book's exercises, checked with hints: ``check.end_point_error(my_function)``.

Book: sec-how-to-use.
"""

from vtonlib.check.alias import (
    by_hand_5_1,
    divided_parse,
    hinge_loss,
    log_loss,
    released_size,
    rounds_needed,
    second_differences,
)
from vtonlib.check.augmentation import (
    blind_together,
    by_hand_9_1,
    by_hand_9_4,
    known_after,
    mixed_colours,
    moved_match,
    who_looks_where,
)
from vtonlib.check.centres import by_hand_10_1, centre_slope, code_to_flow, counted_centres, probe_key, two_rows
from vtonlib.check.conditional import border_share, by_hand_3_1, class_norm, nearest_labels, spade_map, style_norm
from vtonlib.check.diffusion import (
    best_guess,
    by_hand_6_1,
    end_in_noise,
    guidance,
    leaking_step,
    sampler_step,
    thirteen_channels,
)
from vtonlib.check.mask import (
    by_hand_4_1,
    effective_eps,
    fill_with_mean,
    region_mean,
    smallest_region,
    soft_mask_norm,
)
from vtonlib.check.matching import attention_map, expected_coordinates, nearest_key, row_entropy, with_temperature
from vtonlib.check.measures import end_point_error, masked_mean, pck
from vtonlib.check.normalization import (
    after_the_norm,
    by_hand_2_1,
    group_norm,
    running_variance,
    standardized,
    weak_channel,
    weight_length,
)
from vtonlib.check.printings import silent_shape
from vtonlib.check.short_way import two_readings
from vtonlib.check.strip import by_hand_7_1, uniform_error
from vtonlib.check.sureness import (
    by_hand_12_1,
    entropy_slope,
    head_disagreement,
    masked_entropy,
    share_ratio,
    who_looks,
)
from vtonlib.check.variation import (
    by_hand_11_1,
    neighbour_pulls,
    pair_variation,
    shared_keys,
    squeezed,
)
from vtonlib.check.world import best_constant, by_hand_1_1, colour_attention, mirrored_flow
from vtonlib.check.zero_attention import (
    by_hand_8_1,
    connected,
    dead_share,
    nine_lattices,
    unmoved_share,
)

__all__ = [
    "after_the_norm",
    "attention_map",
    "best_constant",
    "best_guess",
    "blind_together",
    "border_share",
    "by_hand_1_1",
    "by_hand_2_1",
    "by_hand_3_1",
    "by_hand_4_1",
    "by_hand_5_1",
    "by_hand_6_1",
    "by_hand_7_1",
    "by_hand_8_1",
    "by_hand_9_1",
    "by_hand_9_4",
    "by_hand_10_1",
    "by_hand_11_1",
    "by_hand_12_1",
    "centre_slope",
    "class_norm",
    "code_to_flow",
    "colour_attention",
    "connected",
    "counted_centres",
    "dead_share",
    "divided_parse",
    "effective_eps",
    "end_in_noise",
    "end_point_error",
    "entropy_slope",
    "expected_coordinates",
    "fill_with_mean",
    "group_norm",
    "guidance",
    "head_disagreement",
    "hinge_loss",
    "known_after",
    "leaking_step",
    "log_loss",
    "masked_entropy",
    "masked_mean",
    "mirrored_flow",
    "mixed_colours",
    "moved_match",
    "nearest_key",
    "nearest_labels",
    "neighbour_pulls",
    "nine_lattices",
    "pair_variation",
    "pck",
    "probe_key",
    "region_mean",
    "released_size",
    "rounds_needed",
    "row_entropy",
    "running_variance",
    "sampler_step",
    "second_differences",
    "share_ratio",
    "shared_keys",
    "silent_shape",
    "smallest_region",
    "soft_mask_norm",
    "spade_map",
    "squeezed",
    "standardized",
    "style_norm",
    "thirteen_channels",
    "two_readings",
    "two_rows",
    "uniform_error",
    "unmoved_share",
    "weak_channel",
    "weight_length",
    "who_looks",
    "who_looks_where",
    "with_temperature",
]
