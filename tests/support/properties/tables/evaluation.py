"""Measures: of flows, pictures, features, rankings."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from properties.case import Case
from properties.draws import Draw
from vtonlib.attention import Grid
from vtonlib.evaluation.baselines import baseline_flows

NAME = "vtonlib.evaluation."
measure = partial(Case, gradient=False, why="a measure: nothing is learned from it")
MEASURE = {"why": "a measure: nothing is learned from it"}
AT = {"lattice": (8, 6)}
SMALL = {"h": (2, 6), "w": (2, 5)}
PICTURE = {"h": (12, 14), "w": (12, 13), "c": (1, 3)}
interior = partial(
    measure,
    sizes=PICTURE,
    empty="nan",
    finite=False,
    half=False,
    why="a region without an interior has none; measures are in float32",
)
whole = partial(measure, rows="", why="one number of all values, in Python's precision: a measure, not learned from")


def ids(draw: Draw) -> Tensor:
    return torch.stack([torch.randperm(6, generator=draw.generator)[:3] for _ in range(draw.size("b"))])


def shares(dims: str):
    """Numbers that sum to 1 along the last axis."""
    return lambda draw: draw.normal(dims).softmax(-1)


def map_of_sum_one(draw: Draw) -> Tensor:
    return draw.normal("b h w").flatten(1).softmax(1).unflatten(1, (draw.size("h"), draw.size("w")))


def read(images: Tensor) -> Tensor:
    """Patches of four pixels in a row, each image by itself."""
    return images.unfold(-1, 2, 2).flatten(2, 3).mT.square()


class Pixels:
    """An extractor: the mean colours."""

    name = "mean colours"

    def features(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def tokens_of(name: str, dims: str):
    return lambda draw: draw.uniform(dims.replace("#", str(draw.grid(name).tokens)))


PUSHES = {
    "logits": lambda d: d.normal("b 6 6"),
    "latents": lambda d: d.normal("b z 6 4"),
    "wanted": lambda d: d.normal("b z 6 4"),
    "tokens": Grid(3, 2),
}
COLOURS = {"colours": tokens_of("k", "b # 3"), "wanted": tokens_of("", "b # 3")}
TWO: dict[str, Any] = {"x": lambda d: d.normal("n d"), "y": lambda d: d.normal("m d")}
SETS = {"n": (4, 7), "m": (4, 7), "d": (1, 4)}
ALIKE = {"x": lambda d: d.normal("*b 5"), "y": lambda d: d.normal("*b 5")}

CASES = {
    NAME + "altered.place_disc": measure(given={"size": (8, 6), "tokens": Grid(4, 3)}, exact=1),
    NAME + "altered.altered_garment": measure(given={"tokens": Grid(4, 3)}, exact=1, empty="finite"),
    NAME + "altered.change_map": measure(given={"grid": Grid(2, 2)}, sizes=SMALL),
    NAME + "altered.overlap": measure(given={"one": map_of_sum_one, "other": map_of_sum_one}),
    NAME + "baselines.uniform_flow": measure(),
    NAME + "baselines.flip_flow": measure(),
    NAME + "baselines.copy_flow": measure(),
    NAME + "baselines.cloth_centre_flow": measure(),
    NAME + "baselines.aligned_masks_flow": measure(),
    NAME + "baselines.random_pixel_flow": measure(half=False, why="measures are taken in single precision"),
    NAME + "baselines.nearest_colour_flow": measure(exact=1, half=False, why="measures are taken in single precision"),
    NAME + "baselines.baseline_flows": measure(exact=1, half=False, why="measures are taken in single precision"),
    NAME + "baselines.paste": measure(
        given={"flow": lambda d: d.uniform("b 32 24 2"), "region": lambda d: d.mask("b 1 32 24")}, empty="finite"
    ),
    NAME + "baselines.baseline_images": measure(given={"flows": lambda d: baseline_flows(d.batch())}),
    NAME + "comparison.variance_parts": whole(sizes={"s": (2, 4), "n": (2, 5)}, half=False),
    NAME + "correspondence.end_point_error": measure(given=AT, empty="nan"),
    NAME + "correspondence.pck": measure(given=AT | {"thresholds": (0.5, 1.0, 2.0)}, exact=1, empty="nan"),
    NAME + "correspondence.mirror_swap_rate": measure(given={"band": 0.0}, empty="nan", exact=1),
    NAME + "correspondence.coverage": measure(given=AT, exact=1, empty="nan"),
    NAME + "correspondence.truth_on_lattice": measure(given={"height": 3, "width": 2}, sizes=SMALL, empty="zero"),
    NAME + "correspondence.attention_mass": measure(
        given={"target": lambda d: d.uniform("b h w 2"), "mask": lambda d: d.mask("b 1 h w")},
        exact=1,
        empty="nan",
        dtype="precise",
    ),
    NAME + "dispersion.colour_mixture": measure(given=COLOURS, exact=1e-3, dtype="precise"),
    NAME + "dispersion.spread_in_tokens": measure(exact=1e-2, dtype="precise"),
    NAME + "distribution.extract": whole(
        given={"extractor": Pixels(), "images": lambda d: [d.uniform("b 3 h w") for _ in range(2)]}, dtype="other"
    ),
    NAME + "distribution.frechet_distance": whole(given=TWO, sizes=SETS),
    NAME + "distribution.squared_mmd": whole(given=TWO, sizes=SETS),
    NAME + "distribution.kernel_distance": whole(given=TWO | {"subsets": 3, "subset_size": 3}, sizes=SETS),
    NAME + "doubt.attended_share": measure(given={"entropy": lambda d: d.uniform("*shape", 0, 2), "keys": 9}),
    NAME + "evaluate.correspondence_scores": measure(
        given={"flow": lambda d: d.uniform("b 32 24 2"), "tokens": Grid(8, 6)},
        exact=1,
        half=False,
        why="measures are taken in single precision",
    ),
    NAME + "fabrics.texture_energy": interior(),
    NAME + "fabrics.texture_ratio": measure(
        sizes=PICTURE,
        finite=False,
        half=False,
        exact=1e-2,
        why="a region without texture has no ratio; measures are in float32",
    ),
    NAME + "fabrics.colour_error": interior(),
    NAME + "image.ssim_map": measure(sizes=PICTURE, exact=1e-3),
    NAME + "image.ssim": measure(given={"mask": lambda d: d.mask("b 1 h w")}, sizes=PICTURE, empty="nan", exact=1e-3),
    NAME + "image.psnr": measure(
        given={"mask": lambda d: d.mask("b 1 h w")}, sizes=PICTURE, empty="nan", fills=("random",), exact=1e-3
    ),
    NAME + "image.l1": measure(given={"mask": lambda d: d.mask("b 1 h w")}, sizes=PICTURE, empty="nan"),
    NAME + "painted.pattern_error": measure(empty="nan", finite=False, exact=1e-2, why="flat truth has no pattern"),
    NAME + "painted.colour_error": measure(empty="nan"),
    NAME + "painted.shift_probability": measure(
        given={"known": lambda d: d.mask("b 1 h w")},
        sizes=SMALL,
        rows="",
        half=False,
        exact=1,
        empty="nan",
        why="one map of the whole batch: a measure, in float32",
    ),
    NAME + "parts.body_regions": measure(
        given={"dense_pose": lambda d: d.batch().dense_pose},
        half=False,
        exact=1,
        why="part numbers need single precision",
    ),
    NAME + "parts.flow_weights": Case(given={"flow": lambda d: d.uniform("b n 2"), "grid": Grid(4, 3)}),
    NAME + "parts.garment_regions": measure(
        given={"grid": Grid(4, 3)}, exact=1, half=False, why="part numbers need single precision"
    ),
    NAME + "parts.person_regions": measure(
        given={"grid": Grid(4, 3)}, exact=1, half=False, why="part numbers need single precision"
    ),
    NAME + "parts.part_matrix": measure(
        given={
            "weights": shares("b nq nk"),
            "queries": lambda d: d.uniform("b nq r", 0.1, 1),
            "keys": shares("b nk g"),
        },
        rows="",
        why="one matrix of all queries: a measure",
    ),
    NAME + "pushes.reading_pushes": measure(given=PUSHES, exact=1e-2, half=False, why="of gradients, in float32"),
    NAME + "pushes.round_looks": Case(given={"tokens": Grid(3, 2), "width": 1.0}),
    NAME + "ranking.ranks": measure(given={"values": lambda d: d.normal("*batch 5")}, dtype="other"),
    NAME + "ranking.rank_correlation": measure(
        given=ALIKE, dtype="other", finite=False, why="a constant reading has no order"
    ),
    NAME + "receptive_field.receptive_field": measure(
        given={
            "read": lambda d: read,
            "images": lambda d: d.uniform("b 3 h 4"),
            "index": 0,
            "generator": lambda d: torch.Generator().manual_seed(0),
        },
        fills=("random",),
        rows="",
        why="the signs are drawn for all rows together",
    ),
    NAME + "receptive_field.effective_patches": measure(
        given={"field": lambda d: d.uniform("b h w", 0.01, 1), "height": 2, "width": 2}, sizes=SMALL, dtype="other"
    ),
    NAME + "receptive_field.field_reach": measure(
        given={"field": lambda d: d.uniform("b h w", 0.01, 1), "height": 2, "width": 2, "index": 1},
        sizes=SMALL,
        dtype="other",
    ),
    NAME + "sample_size.kernel_standard_error": whole(given=TWO, sizes=SETS),
    NAME + "selection.score_selection": measure(
        given={"ids": ids, "inside": lambda d: d.mask("b 6") > 0}, dtype="other"
    ),
    NAME + "selection.lowest_first": measure(
        given={"values": lambda d: d.normal("b 6"), "count": 3},
        exact=1,
        half=False,
        fills=("random",),
        why="rounding orders near ties",
    ),
    NAME + "selection.average_precision": measure(
        given={"values": lambda d: d.normal("b 6"), "inside": lambda d: d.mask("b 6") > 0},
        exact=1,
        half=False,
        fills=("random",),
        dtype="other",
        why="rounding orders near ties",
    ),
    NAME + "selection.edge_energy": measure(),
    NAME + "selection.mean_cosine": measure(dtype="other", sizes={"m": (2, 5)}),
    NAME + "translation.translation_scores": measure(
        sizes=PICTURE, empty="", finite=False, exact=1e-2, why="empty parts have no score: a measure"
    ),
}
