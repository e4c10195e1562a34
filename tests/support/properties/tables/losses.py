"""Losses. A batch's loss is the mean of its rows', weighted by what each row counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from properties.case import Case
from properties.draws import Draw

NAME = "vtonlib.losses."
TRUTH = "the truth is read on the lattice, which weighs rows by what is known there"
PARTS = "two counts, of pairs below and beside, weigh the rows"


def scales(count: int) -> Callable[[Draw], list[list[Tensor]]]:
    """What discriminators say, on two scales, and their features."""
    return lambda draw: [[draw.normal("b 2 h w"), draw.normal("b 1 h w")] for _ in range(count)]


def rows_inside(arguments: dict[str, Any]) -> Tensor:
    return arguments["mask"].flatten(1).sum(1)


def rows_worn(arguments: dict[str, Any]) -> Tensor:
    return arguments["garment_region"].flatten(1).sum(1)


class Features:
    """An extractor of two maps."""

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        return [images * 2, images.mean(1, keepdim=True)]


SIDES = {"h": (2, 6), "w": (2, 5), "H": (2, 6), "W": (2, 5)}
MEAN: dict[str, Any] = {"rows": "mean", "dtype": "precise"}
TOLD: dict[str, Any] = {"rows": "", "empty": "zero", "dtype": "precise", "why": TRUTH}
MASKED: dict[str, Any] = MEAN | {"weight": rows_inside, "empty": "zero"}
SAME_LATTICE = {"reference": lambda d: d.uniform("b 3 H W"), "target": lambda d: d.uniform("b 3 H W")}
ON_KEYS = {"mask": lambda d: d.mask("b 1 h w")}
SHARED = {"hk": (2, 5), "wk": (2, 5), "h": (2, 5), "w": (2, 5)}

CASES = {
    NAME + "adversarial.hinge_discriminator": Case(given={"real": scales(2), "fake": scales(2)}, **MEAN),
    NAME + "adversarial.hinge_generator": Case(given={"fake": scales(2)}, **MEAN),
    NAME + "adversarial.least_squares_discriminator": Case(given={"real": scales(2), "fake": scales(2)}, **MEAN),
    NAME + "adversarial.least_squares_generator": Case(given={"fake": scales(2)}, **MEAN),
    NAME + "adversarial.log_discriminator": Case(given={"real": scales(2), "fake": scales(2)}, **MEAN),
    NAME + "adversarial.log_generator": Case(given={"fake": scales(2)}, **MEAN),
    NAME + "adversarial.feature_matching": Case(given={"real": scales(2), "fake": scales(2)}, **MEAN),
    NAME + "attention.known_rows": Case(
        given=ON_KEYS,
        rows="",
        gradient=False,
        exact=1,
        dtype="precise",
        empty="finite",
        why="how many rows are kept is the batch's; ties are ordered by rounding",
    ),
    NAME + "attention.coordinate_supervision": Case(given=ON_KEYS, **TOLD),
    NAME + "attention.row_supervision": Case(given=ON_KEYS, **TOLD),
    NAME + "attention.bilinear_weights": Case(
        exact=1, fills=("random",), gradient=False, half=False, why="at a token's edge rounding chooses the corner"
    ),
    NAME + "diffusion.denoising": Case(**MEAN),
    NAME + "entropy.attention_entropy": Case(given=ON_KEYS, **MASKED),
    NAME + "entropy.mean_map_entropy": Case(given=ON_KEYS, **MASKED),
    NAME + "flow.leffa_flow": Case(dtype="precise"),
    NAME + "flow.joined_flow": Case(given={"record": lambda d: both(d)}, dtype="precise"),
    NAME + "flow.reference_share": Case(given={"record": lambda d: both(d)}, dtype="precise"),
    NAME + "flow.leffa_warp": Case(dtype="precise", exact=1e-3),
    NAME + "flow.leffa": Case(given=SAME_LATTICE | {"mask": lambda d: d.mask("b 1 H W")}, exact=1e-3, **MASKED),
    NAME + "flow.flow_pull": Case(
        sizes=SIDES, exact=1, empty="zero", dtype="precise", why="of a sign, at kinks", rows=""
    ),
    NAME + "matching.colour_copying": Case(rows="mean", weight=rows_worn, empty="zero"),
    NAME + "matching.record_copying": Case(
        given={
            "mask": lambda d: d.mask("b 1 h w"),
            "garment": lambda d: d.uniform("b 3 8 6"),
            "person": lambda d: d.uniform("b 3 8 6"),
        },
        **MASKED,
    ),
    NAME + "patch_nce.patch_nce": Case(sizes={"m": (2, 5)}, dtype="precise"),
    NAME + "perceptual.perceptual": Case(given={"extractor": Features()}, **MEAN),
    NAME + "semantic_relation.relation_divergence": Case(sizes={"m": (2, 5)}, dtype="precise"),
    NAME + "semantic_relation.negative_weights": Case(given={"gamma": 0.7}, sizes={"m": (2, 5)}, dtype="precise"),
    NAME + "semantic_relation.hard_negative_nce": Case(sizes={"m": (2, 5)}, dtype="precise"),
    NAME + "style.divergence_from_normal": Case(rows="", why="the paper's code adds the rows up"),
    NAME + "total_variation.centre_coordinates": Case(dtype="precise"),
    NAME + "total_variation.attention_total_variation": Case(
        given=ON_KEYS, rows="", empty="zero", dtype="precise", why=PARTS
    ),
    NAME + "total_variation.paper_total_variation": Case(
        given=ON_KEYS, rows="", empty="zero", dtype="precise", why=PARTS
    ),
    NAME + "total_variation.total_variation_denoising": Case(
        given={"strength": 0.3},
        exact=1e-3,
        dtype="precise",
        gradient=False,
        empty="finite",
        why="it is solved, not differentiated",
    ),
    NAME + "warping.warping_l1": Case(rows="mean"),
    NAME + "warping.lattice_bending": Case(sizes={"rows": (3, 5), "columns": (3, 5)}, rows="mean"),
}


def both(draw: Draw):
    """An attention of the generation to itself and to the reference."""
    from dataclasses import replace

    from torch import cat

    record = draw.record("")
    return replace(record, key=cat((record.key, record.key), 2), key_grids=record.key_grids * 2)
