"""Image attribution on the shipped model, which was told the true places: is it right, and is it what is painted from?

For one place of each person, and the place of the garment that it truly shows: attribution over all zero
cross-attentions and three noise levels, in both directions. Then the garment is altered at that place alone, painted
anew, and the change compared with the attribution. Written before measuring:

A1 What is attributed is what is painted from: the change overlaps with the attributed places by at least 0.3, for every
   group of people, ...
A2 ... and by at least 0.15 more than with those of another place of the same garment (the negative control).
A3 All layers and noise levels together are wider than the finest attention at pure noise alone: less weight within
   1.5 tokens of the truth.
(A control that was missing, added after measuring: *cloth*, every patch that is worn alike, which knows no place.)

A4 The map depends on the garment: with another garment shown to the keys its weight near the true place is at most
   half.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vtonlib import checkpoints
from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.attribution import attributed_places, attribution_map, nearest_token
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation import other_garments
from vtonlib.evaluation.altered import altered_garment, change_map, overlap, place_disc
from vtonlib.grids import coordinate_grid, to_pixels
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline

EXAMPLES, TOKENS = 32, Grid(16, 12)
LEVELS = (999, 600, 200)
NEAR = 1.5
Read = Callable[[Tensor], dict[str, AttentionRecord]]


def some_place(batch: TryOnBatch, seed: int) -> tuple[Tensor, Tensor]:
    """For each person a place whose source is known, and that source: (x, y) in [-1, 1]."""
    g = torch.Generator().manual_seed(seed)
    chance = torch.rand(len(batch), *batch.size, generator=g) * (batch.flow_mask[:, 0] > 0.5)
    pixel = chance.flatten(1).argmax(1)
    rows = torch.arange(len(batch))
    here = coordinate_grid(*batch.size).flatten(0, 1)[pixel]
    return here, batch.flow.flatten(1, 2)[rows, pixel]


def reader(pipeline: TryOnDiffusionPipeline, batch: TryOnBatch, painted: Tensor, seed: int) -> Read:
    """Attention at all noise levels, its keys shown some garments."""

    def read(shown: Tensor) -> dict[str, AttentionRecord]:
        found = {}
        for level in LEVELS:
            noise = torch.Generator().manual_seed(seed)
            records = pipeline.read_attention(painted, **batch.inputs, timestep=level, shown=shown, generator=noise)
            found |= {f"{name} at {level}": record for name, record in records.items()}
        return found

    return read


def near(weights: Tensor, place: Tensor) -> float:
    """The mean weight within ``NEAR`` tokens of a place."""
    away = to_pixels(coordinate_grid(*TOKENS) - place[:, None, None], *TOKENS).norm(dim=-1)
    return float((weights * (away <= NEAR)).sum((1, 2)).mean())


def measure(seed: int) -> dict[str, float]:
    """``swapped_right`` is the weight near the true place in the garment that is shown instead.

    Weights near the true place, from the person (``row``) and from the garment (``column``), and overlaps with the
    change of the picture: of the attribution (``change``), of that of another place of the same garment
    (``elsewhere``), of where it is truly worn (``truth``) and of the same place, as a plain copy has it (``copy``)."""
    at = torch.arange(seed * EXAMPLES, (seed + 1) * EXAMPLES)
    people = checkpoints.source("stableviton-tiny").paired("test", at)
    pipeline = checkpoints.load("stableviton-tiny").to("cpu")
    pipeline.set_progress_bar_config(disable=True)

    def paint(garment: Tensor) -> Tensor:
        noise = torch.Generator().manual_seed(seed)
        given = {**people.inputs, "garment": garment}
        return pipeline(**given, num_inference_steps=1, generator=noise).images

    painted = paint(people.garment)
    read = reader(pipeline, people, painted, seed)
    own, swapped = read(people.garment), read(other_garments(people))
    finest = [max((r for n, r in own.items() if n.endswith("at 999")), key=lambda r: r.query_grid.tokens)]
    here, there = some_place(people, seed)
    _, elsewhere = some_place(people, seed + 1000)
    altered = paint(altered_garment(people.garment, people.garment_mask, there, TOKENS))
    change = change_map(painted, altered, TOKENS)
    worn = (to_pixels(people.flow - there[:, None, None], *TOKENS).norm(dim=-1) <= 1) * people.flow_mask[:, 0]
    column = attributed_places(own.values(), there, TOKENS)
    others = {
        "change": column,
        "finest": attributed_places(finest, there, TOKENS),
        "elsewhere": attributed_places(own.values(), elsewhere, TOKENS),
        "cloth": change_map(people.flow_mask.expand(-1, 3, -1, -1), torch.zeros_like(painted), TOKENS),
        "truth": change_map(worn[:, None].expand(-1, 3, -1, -1), torch.zeros_like(painted), TOKENS),
        "copy": change_map(
            place_disc(there, people.size, TOKENS).expand(-1, 3, -1, -1), torch.zeros_like(painted), TOKENS
        ),
    }
    found = {f"{name}_overlap": float(overlap(weights, change).mean()) for name, weights in others.items()}
    row = attribution_map(own.values(), here, TOKENS)
    coarse = [record for record in own.values() if record.query_grid.tokens < TOKENS.tokens]
    worn_instead = checkpoints.source("stableviton-tiny").dressed("test", at, at.roll(-8))
    pixel = nearest_token(here, Grid(*people.size))
    rows = torch.arange(EXAMPLES)
    known = worn_instead.flow_mask.flatten(1)[rows, pixel] > 0.5
    there_instead = worn_instead.flow.flatten(1, 2)[rows, pixel]
    misled = attribution_map(swapped.values(), here, TOKENS)
    found |= {
        "swapped_right": near(misled[known], there_instead[known]),
        "row_near": near(row, there),
        "finest_near": near(attribution_map(finest, here, TOKENS), there),
        "swapped_near": near(misled, there),
        "coarse_near": near(attribution_map(coarse, here, TOKENS), there),
    }
    return found | {
        "over_finest": found["finest_near"] - found["row_near"],
        "swapped_share": found["swapped_near"] / found["row_near"],
        "uniform_near": near(torch.full_like(row, 1 / TOKENS.tokens), there),
        "column_near": near(column, here),
        "over_cloth": found["finest_overlap"] - found["cloth_overlap"],
        "over_elsewhere": found["change_overlap"] - found["elsewhere_overlap"],
    }
