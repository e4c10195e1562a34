"""Do they look, or do they know where things usually are? Models against twins whose keys see no pixel of the garment.

Each arm is trained on garments laid straight or anyhow, from the same seeds and on the same examples, and tested on
both. Written before measuring:

H1 On garments laid anyhow a seeing matcher finds places better than its blind twin, for every seed.
H2 On garments laid straight it hardly does: place on the body tells place in the garment.
H3 The outline alone (a grey shape) is worth nearly as much as the garment itself: it shows how the garment lies.
H4 Shown another garment's pixels, only what was trained on garments laid anyhow errs much more.
H5 The same holds for the finest zero cross-attention of the tiny StableVITON.

Found, over five seeds of the matcher: H1 and H2 hold, for pixels. The outline twin, trained straight only afterwards,
shows that looking is worth something there too. H3 holds with a surprise: the outline alone is worth more than the
garment. H4 fails: what was trained on straight garments can be misled too, by 0.2 tokens on garments laid anyhow; on
straight ones the probe cannot tell, since the other garment lies there in the same way.

"Blind" means: no pixel. The mask still keeps attention on the cloth, and so tells place. The baselines without training
(``untrained``) know the masks too: all cloth alike, and the person's agnostic mask laid over the garment's.

    python -m benchmarks.blind matcher [--seeds 5] [--out results.json]
    python -m benchmarks.blind stableviton --seeds 3

One matcher takes 40 seconds on one core, one StableVITON five minutes. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates, nearest_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.scene import CYCLE
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import (
    attention_mass,
    baseline_flows,
    end_point_error,
    mirror_swap_rate,
    other_garment_probe,
    other_garments,
    ssim,
    truth_on_lattice,
)
from vtonlib.evaluation.baselines import aligned_masks_flow, copy_flow
from vtonlib.experiment import load_pipeline, try_on
from vtonlib.grids import coordinate_grid, resize_flow, resize_mask, to_pixels
from vtonlib.memory import keep_freed_memory
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import ExperimentConfig, new_task, preset
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.matcher import MatcherTask
from vtonlib.tasks.stable_viton import StableVITONTask
from vtonlib.training.trainer import Trainer, seed_everything

RESULTS = Path(__file__).parent / "results"
LAID = ("straight", "anyhow")
EXAMPLES, TOKENS = 96, Grid(16, 12)
MIDDLE, SIDES = 1 / 3, 0.6
"""Where |x| of the true place is smaller than the one, larger than the other."""
MATCHER = (
    ("garment", "anyhow"),
    ("place", "anyhow"),
    ("garment", "straight"),
    ("place", "straight"),
    ("outline", "anyhow"),
    ("outline", "straight"),
)
STABLE_VITON = (("garment", "anyhow"), ("place", "anyhow"))
"""What the keys see, and how the garments of training lie."""
STEPS, HEADS = 300, 2
"""Of the matcher, as chapter 7 trains it."""
Scores = dict[str, float]


def error(flow: Tensor, batch: TryOnBatch, where: Tensor | float = 1.0, *, lattice: tuple[int, int] = TOKENS) -> float:
    """Mean end-point error in steps of ``lattice``, by default tokens."""
    flow = resize_flow(flow, *batch.size)
    return float(end_point_error(flow, batch.flow, batch.flow_mask * where, lattice=lattice).nanmean())


def map_scores(record: AttentionRecord, batch: TryOnBatch) -> Scores:
    """What a map is worth, all means over the examples."""
    centres, side = expected_coordinates(record), batch.flow[..., 0].abs()[:, None]
    known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)[1].flatten(1) > 0.5
    swaps = mirror_swap_rate(resize_flow(centres, *batch.size), batch.flow, batch.flow_mask)
    return {
        "epe": error(centres, batch),
        "strongest": error(nearest_coordinates(record), batch),
        "inner": error(centres, batch, (side < MIDDLE).float()),
        "outer": error(centres, batch, (side > SIDES).float()),
        "mass": float(attention_mass(record, batch.flow, batch.flow_mask).nanmean()),
        "entropy": float(record.entropy().mean(1)[known].mean()),
        "swaps": float(swaps.nanmean()),
    }


def baselines(batch: TryOnBatch, record: AttentionRecord) -> Scores:
    """Uniform attention, a plain copy and the mirrored truth."""
    uniform = map_scores(replace(record, query=torch.zeros_like(record.query)), batch)
    flows = baseline_flows(batch)
    return {f"uniform_{name}": uniform[name] for name in ("epe", "outer", "mass", "entropy")} | {
        name: error(flows[name], batch) for name in ("copy", "flip")
    }


def untrained(batch: TryOnBatch) -> Scores:
    """What needs no training: attention uniform over the cloth, the two masks laid over each other, a plain copy.

    ``drawn`` is the mean error of one place drawn from the cloth, the chance of a strongest key.
    """
    share = resize_mask(batch.garment_mask, *TOKENS).clamp_min(1e-3).flatten(1)[:, None, :, None]
    cloth = AttentionRecord(torch.ones_like(share), share.log(), 1.0, TOKENS, (TOKENS,))
    scores, places = map_scores(cloth, batch), coordinate_grid(*TOKENS).flatten(0, 1)
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, *TOKENS)
    away = to_pixels(places - truth.flatten(1, 2)[:, :, None], *TOKENS).norm(dim=-1)
    drawn = (cloth.weights().mean(1) * away).sum(-1)[known.flatten(1) > 0.5].mean()
    kept = {f"cloth_{name}": scores[name] for name in ("epe", "inner", "outer", "mass", "entropy")}
    side, aligned = batch.flow[..., 0].abs()[:, None], aligned_masks_flow(batch)
    regions = {"epe": torch.ones_like(side), "inner": (side < MIDDLE).float(), "outer": (side > SIDES).float()}
    kept |= {"drawn": float(drawn), "copy_epe": error(copy_flow(batch), batch)}
    return kept | {f"aligned_{k}": error(aligned, batch, v) for k, v in regions.items()}


def train_matcher(see: str, laid: str, seed: int) -> MatcherTask:
    """A matcher as chapter 7 trains it."""
    config = preset("matcher", size="tiny")
    task_config = replace(config.task, heads=HEADS, keys_see=see)  # type: ignore[call-arg]
    train = replace(config.train, steps=STEPS, seed=seed, save_every=STEPS, sample_every=0)
    torch.manual_seed(seed)
    task = new_task(task_config, config.data)
    assert isinstance(task, MatcherTask)
    source = World(replace(config.data, laid=laid))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        Trainer(task, task.batches(source, train), train, Path(folder) / "run").fit()
    return task


def measure_matcher(see: str, laid: str, seed: int, tests: dict[str, TryOnBatch]) -> dict[str, Scores]:
    """Train one arm and test it on both layings."""
    task = train_matcher(see, laid, seed)
    scores = {name: matcher_scores(task, batch) for name, batch in tests.items()}
    if see == "place":
        for name, batch in tests.items():
            scores[name]["other_mask"] = other_mask_error(task, batch)
    return scores


def other_mask_error(task: MatcherTask, batch: TryOnBatch) -> float:
    """The error of the centres when the matcher is given the mask of another garment: what its fence tells."""
    masked = replace(batch, garment_mask=batch.garment_mask.roll(-len(CYCLE), 0))
    return error(expected_coordinates(task.attend(masked)), batch)


def matcher_scores(task: MatcherTask, batch: TryOnBatch) -> Scores:
    """The matcher's map on one batch, and what another garment's pixels do to it."""
    record = task.attend(batch)
    probe = other_garment_probe(lambda given, shown: task.attend(given, shown=shown), batch, tokens=TOKENS)
    other, moved = float(probe.other.nanmean()), float(probe.moved.nanmean())
    return map_scores(record, batch) | baselines(batch, record) | {"other": other, "moved": moved}


def train_stable_viton(
    config: ExperimentConfig, seed: int, latents: Callable[[StableVITONTask], LatentSource]
) -> Pipeline:
    """The pipeline that a training leaves, whose examples are the latents that ``latents`` makes with its task."""
    train = replace(config.train, seed=seed, save_every=config.train.steps, sample_every=0)
    seed_everything(seed)
    task = new_task(config.task, config.data)
    assert isinstance(task, StableVITONTask)
    examples = latents(task)

    def batches(start: int) -> Iterator:
        return training_batches(examples, batch_size=train.batch_size, seed=seed, start=start)

    with tempfile.TemporaryDirectory() as folder:
        Trainer(task, batches, train, Path(folder) / "run").fit()
        return load_pipeline(Path(folder) / "run")


class StableVITONRuns:
    """Trains the tiny preset; the latents of its examples are computed once for all arms."""

    def __init__(self) -> None:
        self.cached: dict[str, LatentSource] = {}

    def latents(self, task: StableVITONTask, laid: str) -> LatentSource:
        """The first training examples as latents."""
        if laid not in self.cached:
            source = World(DataConfig(laid=laid))  # type: ignore[arg-type]
            self.cached[laid] = LatentSource(source, task.autoencoder, task.config.cached_examples)
        return self.cached[laid]

    def measure(self, see: str, laid: str, seed: int, tests: dict[str, TryOnBatch]) -> dict[str, Scores]:
        """Train one arm and test it on both layings."""
        config = preset("stableviton", size="tiny")
        config = replace(config, task=replace(config.task, keys_see=see))  # type: ignore[call-arg]
        pipeline = train_stable_viton(config, seed, lambda task: self.latents(task, laid))
        return {name: self.scores(pipeline, batch) for name, batch in tests.items()}

    @staticmethod
    def scores(pipeline, batch: TryOnBatch) -> Scores:
        """Result and attention of the finished pipeline, its attention shown another garment, and the baselines."""
        worn = try_on(pipeline, batch, seed=0)
        generator = torch.Generator().manual_seed(0)
        other = pipeline.read_attention(worn.image, **batch.inputs, shown=other_garments(batch), generator=generator)
        found = {"masked_ssim": float(ssim(worn.image, batch.person, batch.agnostic_mask).nanmean())}
        for name, record in worn.attention.items():
            block = map_scores(record, batch) | {"other": error(expected_coordinates(other[name]), batch)}
            found |= {f"{name}_{key}": value for key, value in block.items()}
        return found | baselines(batch, worn.attention["warps.0"])


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="matcher", choices=("matcher", "stableviton"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    out = options.out or RESULTS / f"blind_{options.model}.json"
    runs = json.loads(out.read_text(encoding="utf8"))["runs"] if out.exists() else {}
    arms, measure = MATCHER, measure_matcher
    if options.model == "stableviton":
        arms, measure = STABLE_VITON, StableVITONRuns().measure
    keep_freed_memory()
    tests = {laid: World(DataConfig(laid=laid)).paired("test", torch.arange(EXAMPLES)) for laid in LAID}  # type: ignore[arg-type]
    rest = {"examples": EXAMPLES, "untrained": {laid: untrained(batch) for laid, batch in tests.items()}}
    for seed in range(options.seeds):
        for see, laid in arms:
            name = f"{see}-{laid}-{seed}"
            if name in runs:
                continue
            start = time.perf_counter()
            tested = measure(see, laid, seed, tests)
            runs[name] = {"seconds": round(time.perf_counter() - start, 1), **tested}
            print(
                name,
                {laid: round(scores.get("epe", scores.get("warps.0_epe", 0)), 3) for laid, scores in tested.items()},
            )
            replace_text(out, json.dumps(rest | {"runs": runs}, indent=1) + "\n")
    replace_text(out, json.dumps(rest | {"runs": runs}, indent=1) + "\n")
    print(json.dumps(rest | {"runs": runs}))


if __name__ == "__main__":
    main()
