"""Controls for benchmarks/honest.py: what its numbers would be if painting were perfect, or blind, or stored otherwise.

A sceptical reader of the first results asked for them, and had tried each on one group; here are all groups and worlds.

K1 A perfect painter, one that returns the true unpaired picture, has the best unpaired FID.
K2 A model keeps more of a necklace, a bag, long hair or a street than it paints by chance: than its picture of the
   same people without the thing shares with the thing.
K3 On whole pictures SSIM does no better than a coin however strong the harmless errors are, and the order of the whole
   picture, the mask and the garment is always the same.
K4 Two models' FIDs differ by more than storing one model's pictures as JPEG of quality 60 changes them.

Found: K1 and K4 are refuted. K2 holds for a bag and long hair; of a necklace nothing is kept but chance, and of a
street ALIAS keeps less. Of K3 the order holds; with half the noise and JPEG 80 SSIM does better than a coin. The claim
``honest-controls`` has the numbers.

    python -m benchmarks.honest_controls [--out results.json]

On one free core it takes four minutes. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch

from benchmarks.honest import GROUPS, MODELS, PEOPLE, ZOO, picture_scores, twins_of, worn
from benchmarks.stored import Scores, complete
from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation import extract, frechet_distance, ssim
from vtonlib.evaluation.causes import survival
from vtonlib.evaluation.fabrics import GARMENT_SSIM, garment_scores
from vtonlib.evaluation.picture_zoo import compressed, patterned, picture_zoo, wrong_pairs
from vtonlib.memory import keep_freed_memory
from vtonlib.models.classifier import load_classifier

RESULTS = Path(__file__).parent / "results" / "honest_controls.json"
STRENGTHS = {"half": (0.04, 80), "quarter": (0.02, 90)}
"""Of the zoo's noise (0.08 there) and JPEG (60 there)."""
STORED = ("alias-tiny", "stableviton-tiny")
"""The two whose FIDs are near each other."""


def perfect(group: int) -> Scores:
    """The true unpaired pictures of one group, scored as a painter's, and two models' pictures stored as JPEG."""
    world, people = World(DataConfig()), torch.arange(PEOPLE) + group * PEOPLE
    own, batch = world.paired("test", people).person, world.unpaired("test", people)
    scores = picture_scores(batch.person, batch, own)
    found = {f"truth: {name}": scores[name] for name in ("fid", "kid", "garment_ssim")}
    extractor = load_classifier()
    real = extract(extractor, [own])
    for name in STORED:
        made = worn(name, batch).image
        plain, stored = (frechet_distance(extract(extractor, [x]), real) for x in (made, compressed(made)))
        found |= {f"{name}: fid": plain, f"{name}: fid, JPEG": stored}
    return found


def strengths(seed: int) -> Scores:
    """Wrong pairs of SSIM in one world's zoo, where noise and JPEG are weaker."""
    world = World(DataConfig(seed=seed))
    indices = patterned(world, "test", ZOO)
    batch, zoo = world.paired("test", indices), picture_zoo(world, "test", indices)
    drawn = torch.randn(batch.person.shape, generator=torch.Generator().manual_seed(0))
    found: Scores = {}
    for strength, (noise, quality) in STRENGTHS.items():
        changed = {
            "noisy": (batch.person + noise * drawn).clamp(-1, 1),
            "compressed": compressed(batch.person, quality),
        }
        values = {
            name: {
                "whole": float(ssim(image, batch.person).mean()),
                "masked": float(ssim(image, batch.person, batch.agnostic_mask).nanmean()),
                "garment": float(garment_scores(image, batch)[GARMENT_SSIM].nanmean()),
            }
            for name, image in (zoo | changed).items()
        }
        for measure in ("whole", "masked", "garment"):
            wrong = wrong_pairs({name: row[measure] for name, row in values.items()}, higher=True)
            found[f"{strength}: {measure}: wrong"] = wrong
    return found


def chance(name: str, group: int) -> Scores:
    """Of each cause's pixels, the share that one model paints nearer to it though it is shown the people without it."""
    found: Scores = {}
    for cause, pair in twins_of(name, group):
        found[f"{cause}: chance"] = float(survival(worn(name, pair.absent).image, pair).nanmean())
    return found


def main() -> None:
    """Measure what the file does not hold yet."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    wanted = {
        f"{study.__name__}-{group}": partial(study, group) for group in range(GROUPS) for study in (perfect, strengths)
    }
    wanted |= {f"{name}-{group}": partial(chance, name, group) for group in range(GROUPS) for name in MODELS}
    complete(args.out, {}, wanted)


if __name__ == "__main__":
    main()
