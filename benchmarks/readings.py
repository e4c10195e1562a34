"""What is read from an attention whose truth is known, to judge a loss by: place, width, collapse, and smoothing.

Every number is a mean over the queries whose true place is known; lengths are in steps of the keys' lattice.

    python -m benchmarks.readings

prints what is read from the maps of the zoo, whose faults are known, on 32 people of the test split.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.blind import TOKENS, Scores, map_scores
from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.attribution import nearest_token
from vtonlib.attention.zoo import attention_zoo
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import truth_on_lattice
from vtonlib.evaluation.dispersion import spread_in_tokens
from vtonlib.grids import coordinate_grid, to_pixels, total_variation


def jumps(field: Float[Tensor, "b h w 2"], known: Float[Tensor, "b 1 h w"]) -> float:
    """The mean distance of the places of neighbours, to the right and down, where both are known."""
    inside, lengths = known[:, 0] > 0.5, []
    for dim in (1, 2):
        size = field.shape[dim] - 1
        both = inside.narrow(dim, 1, size) & inside.narrow(dim, 0, size)
        lengths.append(field.diff(dim=dim).norm(dim=-1)[both])
    return float(torch.cat(lengths).mean())


def likeness(errors: Float[Tensor, "b h w 2"], known: Float[Tensor, "b 1 h w"]) -> float:
    """How far neighbours err alike: the sum of the inner products of their errors over that of their mean squares.

    1 where all err by the same, about 0 where each errs by itself, -1 where neighbours err by opposites.
    """
    inside, products, squares = known[:, 0] > 0.5, 0.0, 0.0
    for dim in (1, 2):
        size = errors.shape[dim] - 1
        both = inside.narrow(dim, 1, size) & inside.narrow(dim, 0, size)
        one, other = errors.narrow(dim, 1, size)[both], errors.narrow(dim, 0, size)[both]
        products += float((one * other).sum())
        squares += float((one.square() + other.square()).sum()) / 2
    return products / squares


def sharing(places: Float[Tensor, "b h w 2"], known: Float[Tensor, "b 1 h w"]) -> float:
    """The share of queries whose nearest key is another query's nearest key too; ``places`` in [-1, 1]."""
    grid, inside = known.shape[-2:], known[:, 0].flatten(1) > 0.5
    alike = counted = 0
    for place, counts in zip(places.flatten(1, 2), inside, strict=True):
        cells = nearest_token(place[counts], Grid(*grid))
        _, back, often = cells.unique(return_inverse=True, return_counts=True)
        alike, counted = alike + int((often[back] > 1).sum()), counted + len(cells)
    return alike / max(counted, 1)


@torch.no_grad()
def readings(record: AttentionRecord, batch: TryOnBatch) -> Scores:
    """Everything that is read from one attention.

    ``epe``, ``strongest``, ``mass``, ``swaps`` and the mean ``entropy`` of heads as in ``benchmarks.blind``;
    ``spread``; ``variation``, the loss's value; ``shared``, the share of queries whose centre has a nearest key in
    common with another's; ``reach``, the mean distance of centres from the middle of the garment's picture, as a share
    of the truth's; ``slope``, the mean jump between the centres of neighbours, as a share of the true one;
    ``likeness``, how far neighbours err alike.
    """
    grid = record.key_grid
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)
    inside = known[:, 0] > 0.5
    found, true = (to_pixels(flow, *grid) for flow in (expected_coordinates(record), truth))
    scores = map_scores(record, batch)
    return {name: scores[name] for name in ("epe", "strongest", "mass", "entropy", "swaps")} | {
        "spread": float(spread_in_tokens(record)[inside.flatten(1)].mean()),
        "variation": float(total_variation(found, known)),
        "shared": sharing(expected_coordinates(record), known),
        "reach": float(found[inside].norm(dim=-1).mean() / true[inside].norm(dim=-1).mean()),
        "slope": jumps(found, known) / jumps(true, known),
        "likeness": likeness(found - true, known),
    }


def truths(batch: TryOnBatch, record: AttentionRecord) -> Scores:
    """What the true places themselves read, on the record's lattice."""
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)
    steps = to_pixels(truth, *record.key_grid)
    return {
        "truth_variation": float(total_variation(steps, known)),
        "truth_shared": sharing(truth, known),
    }


def gradient_norms(
    losses: Callable[[object], dict[str, Tensor]], model: nn.Module, batches: Iterable[object]
) -> Scores:
    """For every loss, the mean over batches of the norm of its gradient by the model's weights."""
    weights = [p for p in model.parameters() if p.requires_grad]
    norms: dict[str, list[float]] = {}
    for batch in batches:
        for name, loss in losses(batch).items():
            gradients = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            squares = [g.square().sum() for g in gradients if g is not None]
            norms.setdefault(name, []).append(float(torch.stack(squares).sum().sqrt()))
    return {name: sum(values) / len(values) for name, values in norms.items()}


def main() -> None:
    """Read the zoo."""
    batch = World(DataConfig(laid="anyhow")).paired("test", torch.arange(32))
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, *TOKENS)
    truth = torch.where(known.movedim(1, -1) > 0, truth, coordinate_grid(*TOKENS).expand_as(truth))
    found = {name: readings(record, batch) for name, record in attention_zoo(truth).items()}
    for name, scores in found.items():
        print(name, {reading: round(value, 3) for reading, value in scores.items()})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
