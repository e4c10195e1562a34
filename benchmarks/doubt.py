"""Is a query that is sure right, does a lost model know that it is lost, and what does sharpening alone bring?

Matchers of chapter 7 (300 steps, two heads, garments laid anyhow), whose keys see the garment or no pixel of it (the
blind twin); nobody told them any place. Beside them the finest attention of the shipped ``stableviton-tiny``, at pure
noise, which was *told the true places* in training: five groups of people instead of five trainings. Written before
measuring:

D1 In the seeing matcher queries of higher entropy err more: rank correlation above 0.1 for every seed, and the surest
   quarter of the queries errs by less than the least sure one.
D2 In the shipped model too.
D3 Sure is not right: the surest quarter of the blind twin's queries errs more than the seeing matcher's queries do
   on average, for every seed.
D4 A lost model does not know it: shown another garment, whose places are then wrong, the seeing matcher's error rises
   by more than a quarter of itself, and its mean entropy by less than a tenth.
D5 So with the shipped model.
   Withdrawn, both: a model that is shown another garment is not lost. Measured against the places of the garment that
   is *shown* (``shown_error``, of the shipped model) it errs as little as before.
D6 Half the temperature takes at least a fifth of the seeing matcher's entropy and changes its error by less than 0.1
   tokens, either way.
D7 Heads differ: the entropy of the head-mean map is larger than the mean of the heads' by at least 0.1 nats.

    python -m benchmarks.doubt [--seeds 5] [--out results.json]

One matcher takes 40 seconds on one core. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.blind import Scores, map_scores, train_matcher
from vtonlib import checkpoints
from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.attention.rows import head_mean_entropy
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.scene import CYCLE
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import end_point_error, other_garments, truth_on_lattice
from vtonlib.evaluation.dispersion import partial_rank_correlation
from vtonlib.evaluation.doubt import doubt_scores, doubts
from vtonlib.memory import keep_freed_memory

RESULTS = Path(__file__).parent / "results" / "doubt.json"
EXAMPLES, GROUP = 96, 32
LEAST = 8
"""Queries of a picture, more than which its own rank correlation is taken of."""
ARMS = {"seeing": "garment", "blind": "place"}
"""What the keys of a matcher see."""
TEMPERATURES = (0.25, 0.5, 0.7, 1.4, 2.0)
KEPT = ("epe", "strongest", "mass", "entropy")
Attend = Callable[[torch.Tensor], AttentionRecord]
"""The attention of a model whose keys are shown these pictures."""


def tempered(record: AttentionRecord, batch: TryOnBatch) -> Scores:
    """Error of the centre, mean entropy and weight near the truth at other temperatures than 1."""
    truth, mask = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)
    known, found = mask.flatten(1) > 0.5, {}
    for tau in TEMPERATURES:
        off = end_point_error(expected_coordinates(record, temperature=tau), truth, mask, lattice=record.key_grid)
        found[f"epe_{tau}"] = float(off.nanmean())
        found[f"entropy_{tau}"] = float(record.entropy(temperature=tau).mean(1)[known].mean())
    return found


def scores(attend: Attend, batch: TryOnBatch) -> Scores:
    """How sure and how right an attention is, cold and hot, and when its keys are shown another garment."""
    own, other = attend(batch.garment), attend(other_garments(batch))
    known = truth_on_lattice(batch.flow, batch.flow_mask, *own.query_grid)[1].flatten(1) > 0.5
    found = {name: value for name, value in map_scores(own, batch).items() if name in KEPT}
    found["mean_map_entropy"] = float(head_mean_entropy(own)[known].mean())
    misled = doubts(other, batch)
    found |= {"other_error": float(misled.error.mean()), "other_entropy": float(misled.entropy.mean())}
    found["query_error"] = float(doubts(own, batch).error.mean())
    return found | doubt_scores(own, batch) | tempered(own, batch)


def shipped(group: int) -> Scores:
    """The shipped model on one group of people, painting from pure noise."""
    at = torch.arange(group * GROUP, (group + 1) * GROUP)
    batch = checkpoints.source("stableviton-tiny").paired("test", at)
    pipeline = checkpoints.load("stableviton-tiny").to("cpu")
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(group)
    painted = pipeline(**batch.inputs, num_inference_steps=1, generator=noise).images

    def attend(shown: torch.Tensor) -> AttentionRecord:
        noise = torch.Generator().manual_seed(group)
        records = pipeline.read_attention(painted, **batch.inputs, timestep=999, shown=shown, generator=noise)
        return max(records.values(), key=lambda record: record.query_grid.tokens)

    worn_instead = checkpoints.source("stableviton-tiny").dressed("test", at, at.roll(-len(CYCLE)))
    record = attend(other_garments(batch))
    known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)[1].flatten(1) > 0.5
    blank = attend(torch.ones_like(batch.garment)).entropy().mean(1)[known]
    own = attend(batch.garment)
    each = [doubts(attend_one(own, i), batch[i : i + 1]) for i in range(GROUP)]
    ranks = [partial_rank_correlation(one.entropy, one.error) for one in each if len(one.error) > LEAST]
    found = {"shown_error": float(doubts(record, worn_instead).error.mean()), "blank_entropy": float(blank.mean())}
    return scores(attend, batch) | found | {"rank_within": sum(ranks) / len(ranks)}


def attend_one(record: AttentionRecord, index: int) -> AttentionRecord:
    """The attention of one sample."""
    chosen = slice(index, index + 1)
    return replace(record, query=record.query[chosen], key=record.key[chosen])


def matcher(see: str, seed: int, batch: TryOnBatch) -> Scores:
    """Train one matcher and score it."""
    task = train_matcher(see, "anyhow", seed)
    return scores(lambda shown: task.attend(batch, shown=shown), batch)


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    runs = json.loads(options.out.read_text(encoding="utf8"))["runs"] if options.out.exists() else {}
    keep_freed_memory()
    batch = World(DataConfig(laid="anyhow")).paired("test", torch.arange(EXAMPLES))
    jobs: dict[str, Callable[[int], Scores]] = {"shipped": shipped}
    jobs |= {arm: lambda seed, see=see: matcher(see, seed, batch) for arm, see in ARMS.items()}  # type: ignore[misc]
    for seed in range(options.seeds):
        for arm, measure in jobs.items():
            if (name := f"{arm}-{seed}") in runs:
                continue
            start = time.perf_counter()
            found = measure(seed)
            runs[name] = {"seconds": round(time.perf_counter() - start, 1), **found}
            print(name, {key: round(value, 3) for key, value in runs[name].items()}, flush=True)
            replace_text(options.out, json.dumps({"examples": EXAMPLES, "group": GROUP, "runs": runs}, indent=1) + "\n")
    print(json.dumps({"runs": runs}))


if __name__ == "__main__":
    main()
