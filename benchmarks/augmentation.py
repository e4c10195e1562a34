"""Does augmentation make a matcher look? And is a wrong colour the fault of dispersed attention?

Matchers of chapter 7 (300 steps, two heads), trained on garments laid straight, whose examples are mirrored, shifted
and scaled: garment and person *separately*, as StableVITON does it (one mirror, own shifts and scales), or *together*.
Keys see the garment, its outline, or no pixel (the blind twin). All are tested on garments laid straight, on straight
ones that are moved separately ("moved"), and laid anyhow. All arms of a seed start from the same weights and see the
same people. Matchers trained on garments laid anyhow stand in blind_matcher.json.
Written before measuring:

H1 On moved garments the seeing matcher that was trained separately beats its blind twin, for every seed.
H2 Trained together it does not: the person's own shift tells the garment's.
H3 Of the matchers trained on straight garments, separately moved ones are best on garments laid anyhow, which no
   augmentation turned.
H4 On garments laid straight augmentation costs something: the shortcut was good there.
H5 Outline alone remains worth as much as the garment, also under augmentation.
H9 (a control, added when H1 had been measured, and before it was) It is the moves that make it look: on moved garments
   the seeing matcher beats its blind twin by at least 0.2 tokens more than where neither was trained on moved ones.

On colours, with the seeing matchers, over the tokens whose true place and colour are known:

H6 (seed of the chapter) Queries of equal position error, on equally lively fabric, have the larger colour error, the
   wider their attention: partial rank correlation above 0.1 for every seed.
H7 Mending the place of the maps, their width kept, removes more of the colour error than mending the width, their
   place kept.
H8 Sharpening (temperature 1/2) at test time lowers the colour error.

    python -m benchmarks.augmentation

An arm takes about a minute of one core. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.blind import HEADS, LAID, STEPS, TOKENS, error, map_scores, untrained
from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.augment import Augmentation, augment
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.moving import Move, mirror, move, rows_of
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation.dispersion import (
    batch_tokens,
    colour_causes,
    colour_mixture,
    partial_rank_correlation,
    spread_in_tokens,
)
from vtonlib.grids import coordinate_grid, to_pixels, warp
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import new_task, preset
from vtonlib.tasks.matcher import MatcherTask
from vtonlib.training.trainer import seed_everything
from vtonlib.viz.snapshots import FOLDER, Snapshot, coarsened, save_snapshots

RESULTS = Path(__file__).parent / "results" / "augmentation.json"
EXAMPLES = 96
ARMS = (
    "garment-separate",
    "place-separate",
    "garment-none",
    "place-none",
    "garment-together",
    "place-together",
)
"""What the keys see, and how the examples are varied."""
MOMENTS = (0, 20, 60, 150, STEPS)
"""Training steps at which maps are looked at."""
STORED = {"garment-separate": MOMENTS, "place-separate": (STEPS,)}
"""The moments whose maps are stored, of the seed 0, by arm."""
SHOWN = 1
"""The person of the test split of whom they are."""
TEMPERATURES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
Scores = dict[str, float]
SETTINGS = Augmentation(flip=0.5, shift_scale=0.5)
"""StableVITON's numbers; no colours, which would only confuse what place teaches."""


def together(batch: TryOnBatch, generator: torch.Generator) -> TryOnBatch:
    """The batch mirrored, shifted and scaled as often and as far, but each garment like its person."""
    draws = torch.rand(len(batch), 5, generator=generator)
    batch = rows_of(batch, mirror(batch), draws[:, 0] < SETTINGS.flip)
    amounts = (draws[:, 2:] * 2 - 1) * (draws[:, 1:2] < SETTINGS.shift_scale)
    same = Move((1 + SETTINGS.scale * amounts[:, :1]).expand(-1, 2), 2 * SETTINGS.shift * amounts[:, 1:])
    return move(batch, same, same)


def varied(batch: TryOnBatch, how: str, seed: int) -> TryOnBatch:
    """A batch as an arm sees it."""
    generator = torch.Generator().manual_seed(seed)
    match how:
        case "together":
            return together(batch, generator)
        case "separate":
            return augment(batch, SETTINGS, generator=generator)
    return batch


def tests() -> dict[str, TryOnBatch]:
    """People of the test split: garments laid straight, the same moved, laid anyhow."""
    found = {laid: World(DataConfig(laid=laid)).paired("test", torch.arange(EXAMPLES)) for laid in LAID}  # type: ignore[arg-type]
    moved = augment(found["straight"], replace(SETTINGS, shift_scale=1.0), generator=torch.Generator().manual_seed(9))
    return {"straight": found["straight"], "moved": moved, "anyhow": found["anyhow"]}


class Arm:
    """One matcher and its optimiser, updated as chapter 7's trainer does."""

    def __init__(self, see: str, seed: int) -> None:
        config = preset("matcher", size="tiny")
        torch.manual_seed(seed)
        task = new_task(replace(config.task, heads=HEADS, keys_see=see), config.data)  # type: ignore[call-arg]
        assert isinstance(task, MatcherTask)
        self.task = task
        self.optimizer = torch.optim.AdamW(task.parameters(), lr=config.train.learning_rate, weight_decay=0)
        self.warm = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1 / 20, total_iters=20)

    def update(self, batch: TryOnBatch) -> None:
        """One step."""
        self.optimizer.zero_grad()
        self.task.matcher_loss(batch)["copy"].backward()
        torch.nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
        self.optimizer.step()
        self.warm.step()


def train(seed: int, arms: Sequence[str], shown: TryOnBatch) -> dict[str, Arm]:
    """Some arms of a seed, step by step on the same people; the maps of one person go to the package."""
    new = {name: (name.split("-")[1], Arm(name.split("-")[0], seed)) for name in arms}
    batches = training_batches(World(DataConfig(laid="straight")), batch_size=32, seed=seed)
    maps: dict[str, list[Snapshot]] = {name: [] for name in new if seed == 0 and name in STORED}
    for step in range(STEPS + 1):
        for name, seen in maps.items():
            if step in STORED[name]:
                record = coarsened(new[name][1].task.attend(shown), TOKENS, TOKENS)
                seen.append(Snapshot(step, 0, record))
        if step == STEPS:
            break
        batch = next(batches)
        ways = {how: varied(batch, how, seed * 1_000_003 + step) for how, _ in new.values()}
        for how, arm in new.values():
            arm.update(ways[how])
    for name, seen in maps.items():
        save_snapshots(FOLDER / f"matcher-{name}.safetensors", f"matcher, {name}", SHOWN, "anyhow", shown.size, seen)
    return {name: arm for name, (_, arm) in new.items()}


def liveliness(batch: TryOnBatch) -> Tensor:
    """How much colours differ around the true place of every token, [b n]: the root mean square over 3 x 3 tokens."""
    record = aligned_record(batch)
    tokens = batch_tokens(record, batch)
    premultiplied = torch.cat((tokens.colours * tokens.share, tokens.share), 1)
    steps = coordinate_grid(3, 3).flatten(0, 1) * torch.tensor([2 / (TOKENS.width - 1), 2 / (TOKENS.height - 1)])
    seen = warp(premultiplied, tokens.truth[:, :, None] + steps)  # [b 4 n 9]
    weight = seen[:, 3:].clamp_min(1e-3)
    colour = seen[:, :3] / weight
    mean = (colour * weight).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True)
    square = (colour - mean).square().sum(1, keepdim=True)
    return ((square * weight).sum(-1) / weight.sum(-1))[:, 0].sqrt()


def aligned_record(batch: TryOnBatch) -> AttentionRecord:
    """Any record on the matcher's lattices."""
    nothing = torch.zeros(len(batch), 1, TOKENS.tokens, 1)
    return AttentionRecord(nothing, nothing, 1.0, TOKENS, (TOKENS,))


def colour_scores(record: AttentionRecord, batch: TryOnBatch) -> Scores:
    """What goes with a wrong colour, what mends it, and what temperature does."""
    tokens = batch_tokens(record, batch)
    inside, keys = tokens.measured, tokens.colours.flatten(2).mT
    centre = expected_coordinates(record).flatten(1, 2)
    off = to_pixels(centre - tokens.truth, *TOKENS).norm(dim=-1)[inside]
    spread, lively = spread_in_tokens(record)[inside], liveliness(batch)[inside]
    entropy = torch.special.entr(record.weights().mean(1)).sum(-1)[inside]
    mixture = colour_mixture(record, keys, tokens.wanted)
    wrong = mixture.error[inside]
    found = {
        "tokens": float(inside.sum()),
        "drawn": float(mixture.drawn[inside].mean()),
        "variance": float(mixture.variance[inside].mean()),
        "spread": float(spread.mean()),
        "off": float(off.mean()),
        "error_off": partial_rank_correlation(wrong, off),
        "error_spread": partial_rank_correlation(wrong, spread),
        "error_entropy": partial_rank_correlation(wrong, entropy),
        "error_lively": partial_rank_correlation(wrong, lively),
        "error_spread_given_lively": partial_rank_correlation(wrong, spread, lively),
        "error_spread_given": partial_rank_correlation(wrong, spread, off, lively),
        "error_entropy_given": partial_rank_correlation(wrong, entropy, off, lively),
        "error_off_given": partial_rank_correlation(wrong, off, spread, lively),
    }
    causes = colour_causes(record, batch)
    found |= {f"cause_{name}": float(value[inside].mean()) for name, value in causes._asdict().items()}
    for t in TEMPERATURES:
        flow = expected_coordinates(record, temperature=t)
        found[f"epe_{t}"] = error(flow, batch)
        found[f"colour_{t}"] = float(colour_mixture(record, keys, tokens.wanted, temperature=t).error[inside].mean())
    return found | strata(wrong, off, spread, lively)


def strata(wrong: Tensor, off: Tensor, spread: Tensor, lively: Tensor) -> Scores:
    """Mean error of narrow and of wide queries (by the stratum's median), by position error, on lively fabric."""
    found: Scores = {}
    half = lively > lively.median()
    for name, low, high in (("near", 0.0, 0.75), ("middle", 0.75, 1.5), ("far", 1.5, 99.0)):
        chosen = half & (off >= low) & (off < high)
        if chosen.sum() < 20:
            continue
        wide = spread > spread[chosen].median()
        found |= {f"{name}_wide": float(wrong[chosen & wide].mean())}
        found |= {f"{name}_narrow": float(wrong[chosen & ~wide].mean()), f"{name}_count": float(chosen.sum())}
    return found


@torch.no_grad()
def measure(seed: int, arms: Sequence[str], batches: dict[str, TryOnBatch]) -> dict[str, dict]:
    """Some arms of one seed on all tests."""
    found: dict[str, dict] = {}
    with torch.enable_grad():
        trained = train(seed, arms, batches["anyhow"][SHOWN : SHOWN + 1])
    for name, arm in trained.items():
        found[name] = {}
        for test, batch in batches.items():
            record = arm.task.attend(batch)
            scores = map_scores(record, batch)
            if name.startswith("garment"):
                scores |= {f"colours_{k}": v for k, v in colour_scores(record, batch).items()}
            found[name][test] = scores
        print(seed, name, {t: round(found[name][t]["epe"], 3) for t in batches}, flush=True)
    return found


def main() -> None:
    """Measure the arms that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--arms", nargs="+", choices=(*ARMS, "outline-separate"), default=ARMS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    batches = tests()
    stored = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {"runs": {}}
    stored |= {"examples": EXAMPLES, "untrained": {name: untrained(batch) for name, batch in batches.items()}}
    for seed in options.seeds:
        wanted = [arm for arm in options.arms if f"{arm}-{seed}" not in stored["runs"]]
        if not wanted:
            continue
        seed_everything(seed)
        start = time.perf_counter()
        runs = measure(seed, wanted, batches)
        seconds = round((time.perf_counter() - start) / len(wanted), 1)
        stored["runs"] |= {f"{name}-{seed}": {"seconds": seconds, **run} for name, run in runs.items()}
        replace_text(options.out, json.dumps(stored, indent=1) + "\n")
    replace_text(options.out, json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
