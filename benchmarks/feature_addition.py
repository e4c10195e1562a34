"""Feature addition (ControlNet) or zero cross-attention: which can bring a garment's pattern to where it is worn?

A small network learns to paint the worn garment in its mean colour, and is frozen. Then a reader of the garment is put
into its middle and trained alone: an encoder with a zero convolution, or with a zero cross-attention block. People and
garments' shapes are the world's, laid anyhow; colours are random smooth fields, so that every place can be told by its
colour. Painting is one step, on 10x8 tokens.
Written before measuring:

H1 With an encoder that sees the garment alone, addition paints hardly any pattern: pattern error at least 0.9, and
   zero cross-attention at most 0.75, at no more parameters.
H2 ControlNet's own encoder sees the person too, and can move things by its convolutions and self-attentions. That
   helps addition (pattern error smaller than with the garment alone), but zero cross-attention stays better, by 0.1.
H3 The blind twin of zero cross-attention, whose keys see no garment, has a larger error than the seeing one. It may
   still beat addition: attention moves what it does not see.
H4 Colour is no question of moving: mean colours differ by less between the readers than patterns do.
H5 A connection that begins at zero begins at the frozen painter's loss exactly; one that begins at random begins above
   it. After the training both are alike (within 0.05 of pattern error).

    python -m benchmarks.feature_addition [--seeds 5] [--out results.json]

Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vtonlib.config import DataConfig
from vtonlib.data.recoloured import (
    ColourFields,
    LatticeBatch,
    Painting,
    lattice_flow,
    on_lattice,
    place_colours,
    read_places,
)
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import end_point_error
from vtonlib.evaluation.baselines import aligned_masks_flow, cloth_centre_flow, copy_flow
from vtonlib.evaluation.painted import colour_error, pattern_error
from vtonlib.grids import masked_mean, warp
from vtonlib.memory import keep_freed_memory
from vtonlib.models.feature_addition import GarmentReader, LatticePainter

RESULTS = Path(__file__).parent / "results" / "feature_addition.json"
TOKENS, TRAIN, TEST = (10, 8), 1024, 96
BASE_STEPS, STEPS, BATCH, RATE, WIDTH = 150, 600, 16, 4e-3, 32
DRAWS = 4
"""Sets of colours for each garment that least squares is given."""
ARMS: dict[str, dict[str, Any]] = {
    "attention": {"reads": "attention"},
    "addition": {"reads": "addition", "layers": 5},
    "addition-person": {"reads": "addition", "layers": 4, "sees_person": True, "self_attention": 2},
    "blind": {"reads": "attention", "keys_see": "place"},
    "random": {"reads": "attention"},
}
"""``random`` begins with PyTorch's usual random weights where the others begin with zeros."""
Scores = dict[str, float]


def geometry(split: str, count: int) -> LatticeBatch:
    """Persons and garments' shapes of the world, garments laid anyhow."""
    world = World(DataConfig(laid="anyhow"))
    parts = [on_lattice(world.paired(split, i), *TOKENS) for i in torch.arange(count).split(128)]
    return LatticeBatch.concatenate(parts)


def paint(task: Painting, painter: LatticePainter, reader: GarmentReader | None) -> Tensor:
    """What a painter makes of it."""
    return painter(task.batch.person, task.garment, reader)


def train(
    painter: LatticePainter, reader: GarmentReader | None, data: LatticeBatch, seed: int, steps: int
) -> list[float]:
    """Train the painter, or the reader of a frozen one; the loss of every step."""
    generator = torch.Generator().manual_seed(1000 + seed)
    trained = painter if reader is None else reader
    painter.requires_grad_(reader is None)
    optimizer = torch.optim.Adam(trained.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: min(1, (k + 1) / 20, 4 * (steps - k) / steps))
    losses = []
    for _ in range(steps):
        batch = data[torch.randint(len(data), (BATCH,), generator=generator)]
        task = Painting.of(batch, ColourFields.random(BATCH, generator).at)
        loss = task.loss(paint(task, painter, reader))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return losses


@torch.no_grad()
def scores(painter: LatticePainter, reader: GarmentReader | None, test: LatticeBatch) -> Scores:
    """Errors on the test people: of pattern and colour, and of places, in tokens."""
    task = Painting.of(test, ColourFields.random(len(test), torch.Generator().manual_seed(7)).at)
    painted = paint(task, painter, reader)
    places = read_places(paint(Painting.of(test, place_colours), painter, reader))
    return graded(painted, task.truth, places, test)


def graded(painted: Tensor, truth: Tensor, places: Tensor, test: LatticeBatch) -> Scores:
    """The three errors, and the loss."""
    return {
        "pattern": float(pattern_error(painted, truth, test.known).nanmean()),
        "colour": float(colour_error(painted, truth, test.known).nanmean()),
        "places": float(end_point_error(places, test.flow, test.known, lattice=TOKENS).nanmean()),
        "loss": float(masked_mean((painted - truth).square(), test.known)),
    }


@torch.no_grad()
def fixed_map(data: LatticeBatch, test: LatticeBatch) -> Scores:
    """The best fixed linear map: each token of the person reads all tokens of the garment, by least squares.

    It is what addition with any linear layers behind it could reach if they saw the garment alone.
    """
    generator = torch.Generator().manual_seed(11)
    (height, width), systems, targets = TOKENS, 0, 0

    def rows(colours: Tensor) -> Tensor:  # [b 3 h w] -> [3b, tokens + 1]: colours of one channel, and 1
        flat = colours.flatten(0, 1).flatten(1)
        return torch.cat((flat, torch.ones_like(flat[:, :1])), dim=1).double()

    for _ in range(DRAWS):
        task = Painting.of(data, ColourFields.random(len(data), generator).at)
        read, where = rows(task.garment), data.known.expand(-1, 3, -1, -1).flatten(0, 1).flatten(1).double()
        answer = task.truth.flatten(0, 1).flatten(1).double() * where
        systems = systems + torch.einsum("ra, rt, rb -> tab", read, where, read)
        targets = targets + torch.einsum("ra, rt -> ta", read, answer)
    ridge = 1e-2 * len(data) * torch.eye(height * width + 1, dtype=torch.float64)
    weights = torch.linalg.solve(systems + ridge, targets)

    def painted(task: Painting) -> Tensor:
        return (rows(task.garment) @ weights.mT).float().unflatten(0, (-1, 3)).unflatten(2, TOKENS)

    task = Painting.of(test, ColourFields.random(len(test), torch.Generator().manual_seed(7)).at)
    places = read_places(painted(Painting.of(test, place_colours)))
    return graded(painted(task), task.truth, places, test)


def untrained() -> dict[str, Scores]:
    """What needs no training: the same place, the mean over the cloth, the person's mask laid over the garment's."""
    batch = World(DataConfig(laid="anyhow")).paired("test", torch.arange(TEST))
    test = on_lattice(batch, *TOKENS)
    fields = ColourFields.random(TEST, torch.Generator().manual_seed(7))
    task = Painting.of(test, fields.at)
    flows = {
        "copy": lattice_flow(copy_flow(batch), *TOKENS),
        "aligned": lattice_flow(aligned_masks_flow(batch), *TOKENS),
    }
    found = {name: graded(warp(task.garment, flow), task.truth, flow, test) for name, flow in flows.items()}
    flat = task.mean_colour.expand_as(task.truth)
    return found | {"cloth": graded(flat, task.truth, lattice_flow(cloth_centre_flow(batch), *TOKENS), test)}


def new_reader(arm: str, seed: int) -> GarmentReader:
    """A reader; ``random`` has the weights of ``attention`` but for the layer that begins at zero."""
    torch.manual_seed(seed)
    reader = GarmentReader(WIDTH, **ARMS[arm])
    if arm == "random":
        reader.connection.zero_conv.reset_parameters()
    return reader


def run(arm: str, painter: LatticePainter, data: LatticeBatch, test: LatticeBatch, seed: int) -> dict[str, Any]:
    """One reader trained and tested."""
    reader = new_reader(arm, seed)
    start, began = time.perf_counter(), scores(painter, reader, test)["loss"]
    with torch.no_grad():
        change = float(
            (
                paint(Painting.of(test, place_colours), painter, reader)
                - paint(Painting.of(test, place_colours), painter, None)
            )
            .abs()
            .max()
        )
    losses = train(painter, reader, data, seed, STEPS)
    parameters = sum(p.numel() for p in reader.parameters())
    return {
        **scores(painter, reader, test),
        "began": began,
        "changed_at_start": change,
        "curve": [round(sum(losses[i : i + 20]) / 20, 5) for i in range(0, STEPS, 20)],
        "first": [round(loss, 5) for loss in losses[:20]],
        "parameters": parameters,
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", nargs="*", default=list(ARMS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    found = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {"runs": {}, "base": {}}
    data, test = geometry("train", TRAIN), geometry("test", TEST)
    found["untrained"] = untrained() | {"fixed": fixed_map(data, test)}
    for seed in range(options.seeds):
        missing = [arm for arm in options.arms if f"{arm}-{seed}" not in found["runs"]]
        if not missing:
            continue
        torch.manual_seed(seed)
        painter = LatticePainter(WIDTH)
        start = time.perf_counter()
        train(painter, None, data, 100 + seed, BASE_STEPS)
        found["base"][str(seed)] = scores(painter, None, test) | {"seconds": round(time.perf_counter() - start, 1)}
        for arm in missing:
            result = found["runs"][f"{arm}-{seed}"] = run(arm, painter, data, test, seed)
            replace_text(options.out, json.dumps(found, indent=1) + "\n")
            print(arm, seed, {k: v for k, v in result.items() if k not in ("curve", "first")}, flush=True)
    replace_text(options.out, json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["untrained"]))


if __name__ == "__main__":
    main()
