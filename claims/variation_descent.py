"""What gradient steps of total variation alone, of copied colours and of both make of maps whose error is known.

Every row is free: no model, no data but the two pictures. The hypotheses were written down after a look at one person
outside these groups, before the groups were measured.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.descent import descend, wrong_maps
from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, truth_on_lattice
from vtonlib.grids import coordinate_grid
from vtonlib.losses.matching import record_copying
from vtonlib.losses.total_variation import attention_total_variation

GRID, EXAMPLES, FIRST = Grid(24, 18), 4, 32
STEPS, RATE = 80, 0.25
MIXTURES = {"variation": {"variation": 1.0}, "colours": {"colours": 10.0}, "both": {"variation": 1.0, "colours": 10.0}}


def at_one_point(record: AttentionRecord, known: Tensor) -> Tensor:
    """The centres of a map, all of a person's at their mean: what drawing together alone is worth."""
    centres, inside = expected_coordinates(record), known.movedim(1, -1)
    return ((centres * inside).sum((1, 2), keepdim=True) / inside.sum((1, 2), keepdim=True)).expand_as(centres)


def measure(seed: int) -> dict[str, float]:
    """Errors in tokens of 24x18 by start and mixture, after 80 steps; ``..._gain``: of both over colours alone.

    ``chance_point`` are the centres that colours alone reach from chance, drawn to their mean, one point for a person;
    ``chance_uniform`` is uniform attention.
    """
    at = torch.arange(FIRST + seed * EXAMPLES, FIRST + (seed + 1) * EXAMPLES)
    people = World(DataConfig(laid="anyhow")).paired("test", at)
    flow, known = truth_on_lattice(people.flow, people.flow_mask, *GRID)
    truth = torch.where(known.movedim(1, -1) > 0, flow, coordinate_grid(*GRID).expand_as(flow))
    losses = {
        "variation": lambda r: attention_total_variation(r, known),
        "colours": lambda r: record_copying(r, people.garment, people.person, known),
    }
    found: dict[str, float] = {}
    for start, record in wrong_maps(truth, seed=seed).items():
        for name, weights in MIXTURES.items():
            ends = descend(record, losses, weights, steps=(0, STEPS), rate=RATE * float(known.sum())).records
            errors = [end_point_error(expected_coordinates(r), truth, known, lattice=GRID).nanmean() for r in ends]
            found[f"{start}_start"], found[f"{start}_{name}"] = map(float, errors)
            if (start, name) == ("chance", "colours"):
                controls = {"point": at_one_point(ends[-1], known), "uniform": torch.zeros_like(truth)}
                for control, places in controls.items():
                    wrong = end_point_error(places, truth, known, lattice=GRID).nanmean()
                    found[f"chance_{control}"] = float(wrong)
        found[f"{start}_share"] = found[f"{start}_variation"] / found[f"{start}_start"]
        found[f"{start}_gain"] = found[f"{start}_colours"] - found[f"{start}_both"]
    return found
