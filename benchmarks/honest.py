"""What measures see: pictures with known errors, rankings paired and unpaired, and failures cause by cause.

Three studies, each over five groups: the zoo of pictures over five worlds; the shipped models, and painters that need
no training, two of which cheat, over five groups of 48 people, paired and unpaired; the shipped models with one thing
more in the scene, over five groups of 12. Written before measuring:

Z1 Whole-picture SSIM ranks harmful pictures above harmless ones more often than masked SSIM does, and that more often
   than SSIM on the garment alone.
Z2 FID calls pictures of the wrong people perfect; it ranks blur behind another garment's colours or a mirrored garment.
R1 Who returns the photograph unchanged has the best unpaired FID of all, and the worst garment.
R2 Without the two cheats, the unpaired order by FID agrees with that by the true picture less than the paired order by
   masked SSIM does.
C1 A necklace or a bag hardly changes the garment's error beside it, and is lost itself where the mask hides it.
C2 Arms before the body raise the error of the garment; a street changes it less than it changes masked SSIM.

A hypothesis holds where the 95 % interval over worlds or groups lies on its side, is refuted where it lies on the
other, and is undecided else. Found: Z1 and Z2 hold. Of R1 the first half holds; the second is undecided, for who
remembers a training picture has a worse garment in four groups of five. R2 holds for likeness; by a distance of
features FID agrees better. C1 holds for the bag; of a necklace the world's mask and the rough one are the same, so
nothing was tested. Of C2 the first half holds for StableVITON and Leffa and is undecided for ALIAS; the second
compares two units, and is no test. ALIAS loses its places where a hem is tucked in, which nobody had expected. The
claims ``picture-zoo``, ``honest-rankings`` and ``failure-causes`` have the numbers; benchmarks/honest_controls.py has
controls.

    python -m benchmarks.honest zoo|ranks|causes [--out results.json]

On one free core the studies take one, three and five minutes. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.stored import Scores, complete
from vtonlib import checkpoints
from vtonlib.attention import Grid
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.scene import CYCLE
from vtonlib.data.world import World
from vtonlib.evaluation import (
    end_point_error,
    extract,
    frechet_distance,
    kernel_distance,
    l1,
    lpips_distance,
    psnr,
    ssim,
)
from vtonlib.evaluation.baselines import aligned_masks_flow, baseline_flows, paste
from vtonlib.evaluation.causes import CAUSES, HIDDEN, Twins, roughly_masked, survival, twins
from vtonlib.evaluation.fabrics import COLOUR, GARMENT_SSIM, TEXTURE, garment_scores
from vtonlib.evaluation.likeness import FeatureDistance
from vtonlib.evaluation.picture_zoo import patterned, picture_zoo, wrong_pairs
from vtonlib.experiment import TryOn, try_on
from vtonlib.grids import resize_flow
from vtonlib.memory import keep_freed_memory
from vtonlib.models.classifier import load_classifier
from vtonlib.models.features import perceptual_features

RESULTS = Path(__file__).parent / "results"
GROUPS, ZOO, PEOPLE, TWINS, MEMORY = 5, 96, 48, 12, 512
MODELS = ("alias-tiny", "stableviton-tiny", "leffa-tiny")
HIGHER = {"ssim", "masked_ssim", "garment_ssim", "psnr"}
"""Measures of which more is better; of the others less is."""


@cache
def _features() -> tuple[object, FeatureDistance]:
    return load_classifier(), FeatureDistance(perceptual_features().maps, "world")


def picture_scores(image: Tensor, batch: TryOnBatch, real: Tensor) -> Scores:
    """Every measure of the pictures, a mean or a set's; ``real`` are the pictures that sets are compared with."""
    extractor, distance = _features()
    of_garment, made = garment_scores(image, batch), extract(extractor, [image])  # type: ignore[arg-type]
    features = extract(extractor, [real])  # type: ignore[arg-type]
    values = {
        "ssim": ssim(image, batch.person),
        "masked_ssim": ssim(image, batch.person, batch.agnostic_mask),
        "garment_ssim": of_garment[GARMENT_SSIM],
        "psnr": psnr(image, batch.person),
        "l1": l1(image, batch.person, batch.agnostic_mask),
        "distance": lpips_distance(image, batch.person, distance),
        "texture": of_garment[TEXTURE].log().abs(),
        "colour": of_garment[COLOUR],
    }
    means = {name: float(value.nanmean()) for name, value in values.items()}
    return means | {"fid": frechet_distance(made, features), "kid": kernel_distance(made, features).mean}


def zoo(seed: int) -> Scores:
    """One world's zoo: each measure of each picture, and its wrong pairs."""
    world = World(DataConfig(seed=seed))
    indices = patterned(world, "test", ZOO)
    batch = world.paired("test", indices)
    rows = {
        name: picture_scores(image, batch, batch.person) for name, image in picture_zoo(world, "test", indices).items()
    }
    found = {f"{measure}: {name}": value for name, row in rows.items() for measure, value in row.items()}
    for measure in rows["truth"]:
        values = {name: row[measure] for name, row in rows.items()}
        found[f"{measure}: wrong"] = wrong_pairs(values, higher=measure in HIGHER)
    return found


@cache
def _pipeline(name: str) -> object:
    pipeline = checkpoints.load(name).to("cpu")
    if hasattr(pipeline, "set_progress_bar_config"):
        pipeline.set_progress_bar_config(disable=True)
    return pipeline


def worn(name: str, batch: TryOnBatch) -> TryOn:
    """What a shipped model makes of a batch, outside the mask the given pixels."""
    return try_on(_pipeline(name), batch, repaint=True)  # type: ignore[arg-type]


@cache
def _memory() -> TryOnBatch:
    return World(DataConfig()).paired("train", torch.arange(MEMORY))


def remembered(batch: TryOnBatch) -> Tensor:
    """For each person the training picture that is nearest in what may be seen of it: a real photograph of another."""
    train = _memory()
    mask = batch.agnostic_mask
    distance = [
        ((train.person - one) * (1 - m)).square().flatten(1).sum(1) for one, m in zip(batch.agnostic, mask, strict=True)
    ]
    return train.person[torch.stack(distance).argmin(1)]


def painters(batch: TryOnBatch, photograph: Tensor) -> dict[str, tuple[Tensor, Tensor | None]]:
    """Pictures, and flows where there are any, of whatever paints; ``photograph`` shows what the person really wore."""
    flows = baseline_flows(batch)
    found: dict[str, tuple[Tensor, Tensor | None]] = {
        name: (paste(batch, flow, batch.agnostic_mask), flow)
        for name, flow in {
            "masks aligned": aligned_masks_flow(batch),
            "copy": flows["copy"],
            "centre": flows["uniform"],
            "any pixel": flows["random pixel"],
        }.items()
    }
    found |= {"returns the photograph": (photograph, None), "remembers": (remembered(batch), None)}
    for name in MODELS:
        made = worn(name, batch)
        found[name] = made.image, resize_flow(made.correspondence()[1], *batch.size)
    return found


def ranks(group: int) -> Scores:
    """All painters on one group of people, paired and unpaired; sets against the photographs, as papers do."""
    world, people = World(DataConfig()), torch.arange(PEOPLE) + group * PEOPLE
    own = world.paired("test", people)
    found: Scores = {}
    for setting, batch in (("paired", own), ("unpaired", world.unpaired("test", people))):
        for name, (image, flow) in painters(batch, own.person).items():
            scores = picture_scores(image, batch, own.person)
            if flow is not None:
                error = end_point_error(flow, batch.flow, batch.flow_mask, lattice=Grid(16, 12))
                scores["epe"] = float(error.nanmean())
            found |= {f"{setting}: {name}: {measure}": value for measure, value in scores.items()}
    return found


def twins_of(name: str, group: int) -> Iterator[tuple[str, Twins]]:
    """Every cause, and one group with it and without it; garments are laid as the model was trained."""
    world = World(DataConfig(laid="straight" if name.startswith("alias") else "anyhow"))
    upper = [i for i in range(4 * GROUPS * TWINS) if i % len(CYCLE) not in (2, 4)]
    people = torch.tensor(upper[group * TWINS : (group + 1) * TWINS])
    for cause in CAUSES:
        yield cause, twins(world.scenes("test", people), cause, world.config.height, world.config.width)


def causes(name: str, group: int) -> Scores:
    """One model on one group, for each cause: the garment's error with it and without it, and what becomes of it."""
    found: Scores = {}
    for cause, pair in twins_of(name, group):
        made = [worn(name, batch) for batch in pair]
        for state, result, batch in zip(("with", "without"), made, pair, strict=True):
            error = end_point_error(
                resize_flow(result.correspondence()[1], *batch.size), batch.flow, batch.flow_mask * pair.common,
                lattice=Grid(16, 12),
            )  # fmt: skip
            found[f"{cause}: {state}: epe"] = float(error.nanmean())
            found[f"{cause}: {state}: l1"] = float(l1(result.image, batch.person, pair.common).nanmean())
            found[f"{cause}: {state}: masked_ssim"] = float(
                ssim(result.image, batch.person, batch.agnostic_mask).nanmean()
            )
        found[f"{cause}: thing"] = float(pair.thing.mean())
        found[f"{cause}: gone"] = float(ssim(pair.absent.person, pair.present.person).mean())
        found[f"{cause}: kept"] = float(survival(made[0].image, pair).nanmean())
        if cause in HIDDEN:
            found[f"{cause}: guessed"] = float(survival(worn(name, roughly_masked(pair)).image, pair).nanmean())
    return found


def main() -> None:
    """Measure what the file does not hold yet."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("study", choices=("zoo", "ranks", "causes"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    wanted: dict[str, Callable[[], Scores]] = {}
    for group in range(GROUPS):
        if args.study == "causes":
            wanted |= {f"{name}-{group}": partial(causes, name, group) for name in MODELS}
        else:
            wanted[str(group)] = partial(zoo if args.study == "zoo" else ranks, group)
    complete(args.out or RESULTS / f"honest_{args.study}.json", {}, wanted)


if __name__ == "__main__":
    main()
