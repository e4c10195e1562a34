"""Joined attention over garment and person side by side: does it find places, and what does Leffa's loss do to it?

Two blocks of Stable Diffusion 3's kind learn by copying colours through the last one's attention, garments laid
straight; then go on from there in four ways. Hypotheses, written after one probe of the base (one seed) and before any
other training: (1) the last block errs less than copying each place; (2) its blind twin errs more; (3) with Leffa's
loss at a tenth of copying's weight on the last block, that errs less than the control's, in every seed; (4) the loss on
the first block, through which nothing is copied, brings that nearer than the control's, in every seed.

python -m benchmarks.side_by_side [--out FILE] [--seeds 0 1 2 3 4] [--arms base blind]
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.stored import Scores, complete
from vtonlib import evaluation
from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid
from vtonlib.losses.flow import leffa, reference_share
from vtonlib.models.side_by_side import SideBySide, copying, pictures_of

RESULTS = Path(__file__).with_name("results") / "side_by_side.json"
STEPS, MORE, BATCH, RATE, WEIGHT, PEOPLE = 250, 40, 12, 2e-3, 0.1, 64
GRID = Grid(16, 12)
ARMS: dict[str, tuple[int, ...]] = {"control": (), "last": (1,), "first": (0,)}
"""On which blocks Leffa's loss is, by what follows the base."""


def train(model: SideBySide, steps: int, *, seed: int, start: int = 0, blocks: Sequence[int] = ()) -> SideBySide:
    """``steps`` of copying, with Leffa's loss on ``blocks``; which people are seen depends on seed and ``start``."""
    world = World(DataConfig(seed=seed))
    update = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    for step in range(steps):
        batch = world.paired("train", torch.arange(BATCH) + BATCH * (start + step))
        for group in update.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 20)
        records = model.attend(*pictures_of(batch))
        loss = copying(records[-1], batch)
        for block in blocks:
            shown = batch.garment, batch.person, batch.garment_region
            loss = loss + WEIGHT * leffa(records[block], *shown) / len(blocks)
        update.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        update.step()
    return model


@torch.no_grad()
def read(model: SideBySide, people: TryOnBatch) -> Scores:
    """For ``first`` and ``last`` block: the mean error of places, in tokens, and the garment's share of the weight."""
    found = {}
    for name, record in zip(("first", "last"), model.attend(*pictures_of(people)), strict=True):
        found |= {f"{name}_{reading}": value for reading, value in reading_of(record, people).items()}
    return found


def reading_of(record: AttentionRecord, people: TryOnBatch) -> Scores:
    """Error, share on the garment, and entropy of one block's map from person to garment."""
    flow, region = evaluation.truth_on_lattice(people.flow, people.flow_mask, *GRID)
    seen, worn = record.per_key_grid()[-1], region[:, 0] > 0.5
    return {
        "epe": error(expected_coordinates(seen), flow, region),
        "share": float(reference_share(record, temperature=1.0).mean(1)[worn].mean()),
        "entropy": float(seen.entropy().mean(1).view(worn.shape)[worn].mean()),
    }


def error(places: Tensor, flow: Tensor, region: Tensor) -> float:
    """Mean over people, in tokens."""
    return float(evaluation.end_point_error(places, flow, region, lattice=GRID).nanmean())


def measure(seed: int, *, blind: bool = False) -> Scores:
    """What is read of the base and of each arm, and of two maps that look at nothing."""
    people = World(DataConfig()).paired("test", torch.arange(PEOPLE))
    torch.manual_seed(seed)
    base = train(SideBySide(heads=1, keys_see="place" if blind else "garment"), STEPS, seed=seed)
    if blind:
        return {f"blind_{name}": value for name, value in read(base, people).items()}
    scores = {f"base_{name}": value for name, value in read(base, people).items()}
    for arm, blocks in ARMS.items():
        later = train(copy.deepcopy(base), MORE, seed=seed, start=STEPS, blocks=blocks)
        scores |= {f"{arm}_{name}": value for name, value in read(later, people).items()}
    flow, region = evaluation.truth_on_lattice(people.flow, people.flow_mask, *GRID)
    uniform, itself = torch.zeros_like(flow), coordinate_grid(*GRID).expand_as(flow)
    return scores | {"uniform_epe": error(uniform, flow, region), "copy_epe": error(itself, flow, region)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what the file of results does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--arms", nargs="+", choices=("base", "blind"), default=["base", "blind"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    runs = {
        f"{arm}-{seed}": lambda seed=seed, arm=arm: measure(seed, blind=arm == "blind")
        for arm in given.arms
        for seed in given.seeds
    }
    settings = {"steps": STEPS, "more": MORE, "batch": BATCH, "rate": RATE, "weight": WEIGHT, "people": PEOPLE}
    complete(given.out, settings, runs)


if __name__ == "__main__":
    main()
