"""VITON-HD's figure 8, measured: what must a generator standardize apart to repair a misaligned warp?

The worn garment's own pixels, moved by whole pixels, are the warp: up to 3 in training, 3 ("near") or 6 ("far") in the
test, where they miss a third and three fifths of the garment. Around them lies a ground that means nothing: a random
colour for each example, or always white. Small generators learn to paint what the agnostic mask hides, by L1 alone.

Suggested by a pilot with other trainings, and written before measuring:

H1 Under random grounds ALIAS wins: less of the ground inside the misaligned part M leaks through, and far from the
   trained shifts its error in M is smaller than instance norm's.
H2 Under one constant ground it loses where that ground is seen: a network can learn what white means, and instance norm
   knows the mask too, by its label. Where the ground inside M turns black, ALIAS wins.
H3 With only the two coarse of four blocks masked it ties with instance norm: fine blocks get the warped garment anew.
H4 Outside of M the arms are alike. The hole filled with the garment's mean leaks nothing (positive control); another
   person's mask is no better than instance norm (negative control).

    python -m benchmarks.alias_ablation [--seeds 5] [--out results.json]

One run takes twenty seconds on one core. Runs that are already in the file are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GARMENT, GROUPS, true_groups
from vtonlib.data.world import World
from vtonlib.grids import masked_mean, masked_mean_per_sample
from vtonlib.memory import keep_freed_memory
from vtonlib.models.alias import ALIASGenerator, split_parse
from vtonlib.pipelines.alias import painting_input

RESULTS = Path(__file__).parent / "results" / "alias_ablation.json"
HEIGHT, WIDTH, TRAIN, TEST = 32, 24, 256, 64
STEPS, BATCH, RATE, CHANNELS, HIDDEN = 300, 8, 3e-3, (32, 32, 24, 16), 16
SHIFTS = {"near": 3, "far": 6}
FULLY = 0.999
"""Share of a pixel that the garment must cover for its error to count: a mixed pixel has no right answer."""

ALMOST = 1 - 1e-6
"""Labels that are not exactly 1: the library then looks for no equal neighbourhoods, which costs time at this size."""

Ground = Literal["random", "white"]
GROUNDS: tuple[Ground, ...] = ("random", "white")


class Arm(NamedTuple):
    """What one generator standardizes by, and what is done to its input."""

    masked: int = 0
    """Blocks, from the coarsest, that get the divided parse map and ``coarse``."""
    coarse: Literal["mask", "instance"] = "mask"
    norm: Literal["instance", "batch"] = "instance"
    fill: bool = False
    """The hole gets the mean colour of the garment's visible part."""
    strangers: bool = False
    """The mask is that of the next person."""


ARMS = {
    "alias": Arm(masked=4),
    "instance_div": Arm(masked=4, coarse="instance"),
    "half": Arm(masked=2),
    "filled": Arm(masked=4, coarse="instance", fill=True),
    "strangers": Arm(masked=4, strangers=True),
    "instance": Arm(),
    "spade": Arm(norm="batch"),
}


class Warp(NamedTuple):
    """A garment that was moved too far, or not far enough."""

    image: Float[Tensor, "b 3 h w"]
    missing: Float[Tensor, "b 1 h w"]
    """M: where it is worn, and the moved garment is not."""


def moved(x: Float[Tensor, "b c h w"], by: Float[Tensor, "b 2"]) -> Float[Tensor, "b c h w"]:
    """Each image moved by whole (rows, columns); what comes in is 0."""
    height, width = x.shape[-2:]
    row = torch.arange(height)[None] - by[:, :1]
    column = torch.arange(width)[None] - by[:, 1:]
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None]
    which = torch.arange(len(x))[:, None, None]
    taken = x.movedim(1, -1)[which, row.clamp(0, height - 1)[:, :, None], column.clamp(0, width - 1)[:, None]]
    return taken.movedim(-1, 1) * inside[:, None]


def warped(batch: TryOnBatch, by: Tensor, ground: Float[Tensor, "b 3 1 1"], *, inside: Tensor | None = None) -> Warp:
    """The worn garment moved, on its ground; ``inside``: another ground for the pixels of M."""
    worn = (batch.garment_region > 0.5).float()
    image = moved(torch.cat((batch.person * worn, worn), 1), by)
    covered = image[:, 3:]
    missing = worn * (1 - covered)
    image = torch.lerp(ground.expand_as(batch.person), image[:, :3], covered)
    return Warp(image if inside is None else torch.lerp(image, inside.expand_as(image), missing), missing)


def paint(
    arm: Arm, model: ALIASGenerator, batch: TryOnBatch, warp: Warp, noise: torch.Generator
) -> Float[Tensor, "b 3 h w"]:
    """What the generator makes of a warp."""
    parse = true_groups(batch) * ALMOST
    worn = parse[:, GARMENT : GARMENT + 1]
    mask = warp.missing.roll(-1, 0) * worn if arm.strangers else warp.missing
    image = torch.lerp(warp.image, mean_colour(warp, worn), warp.missing) if arm.fill else warp.image
    inputs = painting_input(batch.agnostic, batch.dense_pose, image)
    return model(inputs, parse, split_parse(parse, mask, GARMENT), mask, generator=noise)


def mean_colour(warp: Warp, worn: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Of the part of the garment that the warp shows."""
    seen = worn - warp.missing
    mean = (warp.image * seen).flatten(2).sum(2) / seen.flatten(2).sum(2).clamp_min(1)
    return mean[:, :, None, None].expand_as(warp.image)


def people(seed: int) -> tuple[TryOnBatch, TryOnBatch]:
    """Those of the training and those of the test."""
    world = World(DataConfig(height=HEIGHT, width=WIDTH, seed=seed))
    return world.paired("train", torch.arange(TRAIN)), world.paired("test", torch.arange(TEST))


def directions(number: Tensor, distance: Tensor) -> Tensor:
    """Down, up, right or left by whole pixels."""
    return torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]])[number] * distance[:, None]


def new_generator(arm: Arm, seed: int) -> ALIASGenerator:
    """Untrained."""
    torch.manual_seed(seed)
    return ALIASGenerator(
        9, len(GROUPS), CHANNELS, mask_norm_blocks=arm.masked, coarse_norm=arm.coarse, norm=arm.norm, hidden=HIDDEN
    )


def train(
    model: ALIASGenerator,
    examples: TryOnBatch,
    seed: int,
    painted: Callable[[TryOnBatch, Tensor, Tensor, torch.Generator], Float[Tensor, "b 3 h w"]],
    *,
    steps: int,
    distances: tuple[int, int],
) -> None:
    """Learn to paint what the mask hides, by L1. Every arm sees the same people, shifts and grounds in the same order.

    ``painted`` is what the generator makes of a batch, its shifts, by whole pixels from the first of ``distances`` to
    below the second, its random grounds, and the source of noise.
    """
    draw, noise = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    chosen = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(chosen, RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        batch = examples[torch.randint(len(examples), (BATCH,), generator=draw)]
        number = torch.randint(4, (BATCH,), generator=draw)
        by = directions(number, torch.randint(*distances, (BATCH,), generator=draw))
        ground = torch.rand(BATCH, 3, 1, 1, generator=draw) * 2 - 1
        error = (painted(batch, by, ground, noise) - batch.person).abs()
        optimizer.zero_grad()
        masked_mean(error, batch.agnostic_mask).backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def scores(arm: Arm, ground: Ground, model: ALIASGenerator, test: TryOnBatch) -> dict[str, Tensor]:
    """Person by person, for near and for far shifts; errors are mean absolute errors, images in [-1, 1].

    leak: by how much inside M the picture follows a ground that turns from black to white only there, 1 = all the way.
    error, swapped: in M, with the ground of the training, and with its negative inside M. elsewhere: on the rest of
    the garment.
    """
    model.eval()
    colour = torch.rand(len(test), 3, 1, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    colour = colour if ground == "random" else torch.ones_like(colour)
    fully, white = (test.garment_region >= FULLY).float(), torch.ones(1, 1, 1, 1)
    found = {}
    for name, distance in SHIFTS.items():
        by = directions(torch.arange(len(test)) % 4, torch.full((len(test),), distance))
        pictures = [
            paint(arm, model, test, warped(test, by, colour, inside=inside), torch.Generator().manual_seed(0))
            for inside in (None, -colour, white, -white)
        ]
        missing = warped(test, by, colour).missing * fully
        seen, swapped = ((picture - test.person).abs() for picture in pictures[:2])
        measured = {
            "leak": masked_mean_per_sample((pictures[2] - pictures[3]).abs() / 2, missing),
            "error": masked_mean_per_sample(seen, missing),
            "swapped": masked_mean_per_sample(swapped, missing),
            "elsewhere": masked_mean_per_sample(seen, fully - missing),
        }
        enough = missing.flatten(1).sum(1) >= 4
        found |= {f"{metric}_{name}": values[enough] for metric, values in measured.items()}
    return found


def trained_scores(name: str, ground: Ground, seed: int) -> dict[str, Tensor]:
    """One run: train an arm, and what it does with the test's people."""
    arm, (examples, test) = ARMS[name], people(seed)
    model = new_generator(arm, seed)

    def painted(batch: TryOnBatch, by: Tensor, colour: Tensor, noise: torch.Generator) -> Tensor:
        warp = warped(batch, by, colour if ground == "random" else torch.ones_like(colour))
        return paint(arm, model, batch, warp, noise)

    train(model, examples, seed, painted, steps=STEPS, distances=(1, 4))
    return scores(arm, ground, model, test)


def untrained_scores(seed: int) -> dict[str, float]:
    """The error in M of two answers that need no training: the mean colour of what is seen, and mid grey."""
    _, test = people(seed)
    worn, fully = (test.garment_region > 0.5).float(), (test.garment_region >= FULLY).float()
    found = {}
    for name, distance in SHIFTS.items():
        by = directions(torch.arange(len(test)) % 4, torch.full((len(test),), distance))
        warp = warped(test, by, torch.ones(len(test), 3, 1, 1))
        for answer, image in (("mean", mean_colour(warp, worn)), ("grey", torch.zeros_like(test.person))):
            error = masked_mean_per_sample((image - test.person).abs(), warp.missing * fully)
            found[f"{answer}_{name}"] = round(float(error.mean()), 5)
    return found


def means(measured: dict[str, Tensor]) -> dict[str, float]:
    """Over people."""
    return {name: round(float(values.mean()), 5) for name, values in measured.items()}


def main() -> None:
    """Do the runs that are missing; write the file after each."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    report = json.loads(args.out.read_text(encoding="utf8")) if args.out.exists() else {}
    report = {"benchmark": "alias_ablation", "torch": torch.__version__, "untrained": {}, "runs": {}} | report
    report["untrained"] = {str(seed): untrained_scores(seed) for seed in range(args.seeds)}
    for name, ground, seed in itertools.product(ARMS, GROUNDS, range(args.seeds)):
        if (key := f"{ground}/{name}/{seed}") in report["runs"]:
            continue
        start = time.perf_counter()
        measured = trained_scores(name, ground, seed)
        report["runs"][key] = means(measured) | {
            "seconds": round(time.perf_counter() - start, 1),
            "people": {"error_far": [round(value, 3) for value in measured["error_far"].tolist()]},
        }
        temporary = args.out.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(report) + "\n", encoding="utf8")
        os.replace(temporary, args.out)
    print(json.dumps({"runs": len(report["runs"])}))


if __name__ == "__main__":
    main()
