"""Does attention learn where to look from colours alone? The matcher of the chapter on cross-attention, by seeds."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from vtonlib.attention import AttentionTap, Grid, expected_coordinates, nearest_coordinates
from vtonlib.data.source import training_batches
from vtonlib.evaluation import attention_mass, baseline_flows, end_point_error, mirror_swap_rate, truth_on_lattice
from vtonlib.grids import resize_flow
from vtonlib.presets import build, preset
from vtonlib.training.phase import learning_rate

STEPS, HEADS, EXAMPLES, TOKENS = 300, 2, 96, Grid(16, 12)
MIDDLE, SIDES = 1 / 3, 0.6
"""Where |x| of the true place is smaller than the one, larger than the other."""


@torch.no_grad()
def scores(task: nn.Module, batch) -> dict[str, float]:
    """Errors in tokens of the matcher and of the baselines, and how its map is spread."""
    with AttentionTap(task.matcher) as tap:
        task.copy(batch)
    record, flows = tap["core"], baseline_flows(batch)
    side = batch.flow[..., 0].abs()[:, None]

    def error(flow: Tensor, where: Tensor | float = 1.0) -> float:
        flow = resize_flow(flow, *batch.size)
        return float(end_point_error(flow, batch.flow, batch.flow_mask * where, lattice=TOKENS).nanmean())

    centres = expected_coordinates(record)
    known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)[1].flatten(1) > 0.5
    uniform = replace(record, query=torch.zeros_like(record.query))
    return {
        "epe": error(centres),
        **{name: error(flows[name]) for name in ("uniform", "copy", "flip")},
        "strongest": error(nearest_coordinates(record)),
        "inner": error(centres, (side < MIDDLE).float()),
        "outer": error(centres, (side > SIDES).float()),
        "outer_uniform": error(flows["uniform"], (side > SIDES).float()),
        "swaps": float(mirror_swap_rate(resize_flow(centres, *batch.size), batch.flow, batch.flow_mask).nanmean()),
        "mass": float(attention_mass(record, batch.flow, batch.flow_mask).nanmean()),
        "mass_uniform": float(attention_mass(uniform, batch.flow, batch.flow_mask).nanmean()),
        "entropy": float(record.entropy().mean(1)[known].mean()),
    }


def measure(seed: int) -> dict[str, float]:
    """Train as the chapter does, with other weights and other batches for every seed; measure on the test split."""
    config = preset("matcher", size="tiny")
    config = replace(config, task=replace(config.task, heads=HEADS))
    train = replace(config.train, steps=STEPS, seed=seed)
    torch.manual_seed(seed)
    task, source = build(config)
    optimizer = torch.optim.AdamW(task.parameters(), lr=train.learning_rate, weight_decay=train.weight_decay)
    batches = training_batches(source, batch_size=train.batch_size, seed=seed)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(train, step)
        loss = task.matcher_loss(next(batches))["copy"]
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(task.parameters(), train.max_grad_norm)
        optimizer.step()
    found = scores(task, source.paired("test", torch.arange(EXAMPLES)))
    return found | {"ratio": found["epe"] / found["uniform"], "to_copy": found["epe"] / found["copy"]}
