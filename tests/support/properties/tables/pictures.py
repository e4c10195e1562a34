"""Data, pipelines' pictures, official models' inputs, and the figures' numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from properties.case import Case
from properties.draws import Draw
from vtonlib.attention import Grid
from vtonlib.data.moving import Move

DATA = "vtonlib.data."
VIZ = "vtonlib.viz."
table = partial(Case, rows="", why="a table of numbers, which has no rows of a batch")
world = partial(Case, gradient=False, half=False, why="the world is drawn in single precision, and learned from alone")
SIDES = {"h": (2, 6), "w": (2, 5), "H": (2, 6), "W": (2, 5)}


def shift(*names: str) -> dict[str, Any]:
    return {name: (lambda d: d.uniform("b", -0.3, 0.3)) for name in names}


def pose(draw: Draw) -> torch.Tensor:
    return draw.batch().dense_pose


def moves(draw: Draw) -> Move:
    return Move(draw.uniform("b", -0.2, 0.2), draw.uniform("b", -0.2, 0.2), draw.uniform("b", 0.8, 1.2))


def matrix(draw: Draw) -> torch.Tensor:
    return draw.normal("h w")


CASES = {
    DATA + "augment.shift_colours": world(given=shift("hue", "saturation", "value"), exact=1e-2),
    DATA + "augment.change_light": world(given=shift("brightness", "contrast")),
    DATA + "folders.read.hide": Case(empty="finite"),
    DATA + "frame.each": Case(given={"value": lambda d: d.normal("b")}),
    DATA + "frame.above": world(exact=1),
    DATA + "frame.choose": world(
        given={name: (lambda d: d.normal("*s")) for name in ("yes", "no")} | {"mask": lambda d: d.mask("*s")}
    ),
    DATA + "frame.canvas_scale": world(
        given={"like": lambda d: d.normal("b"), "height": 4, "width": 3}, rows="", dtype="other"
    ),
    DATA + "moving.mirror_surface": world(given={"dense_pose": pose}, exact=1),
    DATA + "moving.read_nearest": world(given={"places": lambda d: d.uniform("b h w 2")}, exact=1),
    DATA + "parse.group_parse": Case(
        given={"parse": lambda d: d.batch().parse, "garment_region": lambda d: d.batch().garment_region}
    ),
    DATA + "parse.true_groups": Case(),
    DATA + "parse.visible_groups": Case(),
    DATA + "random.mix": Case(given={"x": lambda d: d.integers("*s", 1000)}),
    DATA + "random.choose": Case(
        given={"unit": lambda d: d.uniform("*s", 0, 0.99), "weights": (1.0, 2.0, 1.0)}, exact=1
    ),
    DATA + "recoloured.windowed": Case(sizes={"H": (8, 11), "W": (6, 9)}),
    DATA + "recoloured.place_colours": Case(),
    DATA + "recoloured.read_places": Case(given={"painted": lambda d: d.uniform("b 3 h w")}),
    DATA + "skeleton.draw_skeleton": world(
        given={"keypoints": lambda d: d.batch().keypoints, "height": 16, "width": 12}, exact=1, finite=True
    ),
    DATA + "slips.jpeg": world(given={"quality": 80}, sizes=SIDES, exact=1, dtype="other"),
    "vtonlib.pipelines.alias.segmentation_input": Case(
        given={"visible_groups": lambda d: d.one_hot("b 7 h w")}, empty="finite"
    ),
    "vtonlib.pipelines.alias.matching_input": Case(empty="finite", sizes=SIDES, exact=1e-3),
    "vtonlib.pipelines.alias.painting_input": Case(),
    "vtonlib.pipelines.alias.warp_garment": Case(sizes=SIDES, empty="finite"),
    "vtonlib.pipelines.pictures.blend_pixels": Case(empty="finite"),
    "vtonlib.pipelines.pictures.looks_inverted": Case(empty="finite", exact=1),
    "vtonlib.pipelines.released.released_repaint": Case(
        sizes={"h": (8, 12), "w": (8, 11)},
        exact=1,
        empty="finite",
        gradient=False,
        half=False,
        why="the released steps go through pictures of bytes",
    ),
    "vtonlib.official.viton_hd_gmm.released_offsets": Case(
        given={"height": 8, "width": 6}, sizes={"rows": (2, 4), "columns": (2, 4)}
    ),
    VIZ + "figures.place_colours": Case(),
    VIZ + "leffa_figures.inside_region": Case(empty="finite"),
    VIZ + "matrix.masked_softmax": table(given={"logits": matrix}, empty="finite"),
    VIZ + "matrix.region_standardize": table(given={"x": matrix}, empty="finite", exact=1e-2),
    VIZ + "matrix.standardize_sets": table(given={"x": matrix, "sets": lambda d: d.integers("h w", 3)}, exact=1e-2),
    VIZ + "matrix.modulate_labels": table(
        given={"x": matrix, "table": lambda d: d.normal("2 2")}, empty="finite", exact=1e-2
    ),
    VIZ + "selection.on_garment": Case(given={"grid": Grid(2, 2)}, sizes={"H": (4, 7), "W": (4, 7)}, empty="zero"),
    VIZ + "stages.coloured_groups": Case(given={"labels": lambda d: d.one_hot("b 7 h w")}),
    VIZ + "frame.encode_logits": Case(
        given={"logits": lambda d: d.normal("n 5")}, rows="", exact=1, why="rows are called n there"
    ),
}
