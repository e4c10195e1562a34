"""Where diffusion models look, and whether what they paint goes wrong in colour where they look about.

StableVITON's authors see a garment in wrong colours beside an attention that is spread all over, and take the one for
the cause of the other. Here two small models paint people of the test split in one step from pure noise, and the map of
that same call is measured: the first that is read of the blocks on the finest lattice. *shipped* is
``stableviton-tiny``, whose attention was told the true places in training; *untold* never was. Written before
measuring:

L1 In the untold model queries of equal position error, on equally lively fabric, have the larger error of painted
   colour, the wider their attention: partial rank correlation above 0.1 in every group of people.
L2 Where it looks at the right place (within three quarters of a token) and the fabric is lively, the wider half of the
   queries has the larger error of painted colour, in every group.
L3 Half the temperature in the finest blocks at test time lowers the untold model's error of painted colour by at least
   a twentieth.
L4 The place hardly changes with the noise level, in neither model: conditions tell it, not the noisy picture.
L5 Parts look at their own part of the garment: more than twice as much as by chance, in both models.
L6 They look: shown another garment's pixels, the error of the centres at least doubles in the shipped model.

    python -m benchmarks.looks shipped=stableviton-tiny untold=runs/untold

A model is a name of ``vtonlib.checkpoints`` or a folder that ``TryOnDiffusionPipeline.from_pretrained`` reads. The
untold one differs in more than supervision: the paper's encoder reads the garment, and it had half of the steps. It is
step 1,400 (averaged weights) of

    python -m vtonlib train stableviton --size tiny --out runs/untold --set task.garment_network=encoder \\
        task.block_out_channels=32,64,64 task.attention_levels=False,True,True task.pure_noise=0.5 \\
        task.sharp_teaches=True task.denoising_steps=4 task.cached_examples=8192 \\
        task.supervision.coordinates=0 task.supervision.rows=0 train.steps=2200 train.batch_size=32 \\
        train.learning_rate=0.0015 train.schedule=cosine train.ema_decay=0.99

A model takes a few minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.augmentation import TOKENS, liveliness
from benchmarks.blind import error
from benchmarks.snapshots import open_pipeline
from vtonlib.attention import AttentionRecord, AttentionTap, expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import baseline_flows, other_garments, parts, ssim
from vtonlib.evaluation.baselines import CHANCE, aligned_masks_flow, cloth_centre_flow
from vtonlib.evaluation.dispersion import (
    batch_tokens,
    colour_mixture,
    partial_rank_correlation,
    spread_in_tokens,
)
from vtonlib.grids import resize_mask, to_pixels
from vtonlib.memory import keep_freed_memory
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline

RESULTS = Path(__file__).parent / "results" / "looks.json"
GROUPS, PEOPLE = 5, 32
TEMPERATURES = (0.5, 0.7, 1.4, 2.0)
TIMES = (600, 200)
"""Noise levels besides the highest, 999."""
NEAR = 0.75
"""Tokens within which a place counts as right."""
Scores = dict[str, float]


def people(group: int) -> TryOnBatch:
    """A group of the test split, garments laid anyhow."""
    return World(DataConfig(laid="anyhow")).paired("test", torch.arange(PEOPLE) + PEOPLE * group)


def finest(records: dict[str, AttentionRecord]) -> list[str]:
    """The names of the records on the finest lattice, in order of computation."""
    most = max(record.query_grid.tokens for record in records.values())
    return [name for name, record in records.items() if record.query_grid.tokens == most]


@contextmanager
def tempered(pipeline: TryOnDiffusionPipeline, names: Sequence[str], temperature: float) -> Iterator[None]:
    """The blocks at another temperature of their softmax: queries divided by it."""
    layers = [pipeline.unet.get_submodule(f"{name}.attn2.to_q") for name in names]
    kept = [layer.weight.data for layer in layers]
    for layer, weight in zip(layers, kept, strict=True):
        layer.weight.data = weight / temperature
    try:
        yield
    finally:
        for layer, weight in zip(layers, kept, strict=True):
            layer.weight.data = weight


@torch.no_grad()
def paint(pipeline: TryOnDiffusionPipeline, batch: TryOnBatch, seed: int) -> tuple[Tensor, dict[str, AttentionRecord]]:
    """The picture of one step from pure noise, and the maps of that step."""
    pipeline.set_progress_bar_config(disable=True)
    with AttentionTap(pipeline.unet, "warps.*.attn2.core") as tap:
        generator = torch.Generator().manual_seed(seed)
        painted = pipeline(**batch.inputs, num_inference_steps=1, generator=generator).images
    return painted, {name.removesuffix(".attn2.core"): record for name, record in tap.items()}


def painted_error(painted: Tensor, batch: TryOnBatch, wanted: Tensor) -> Tensor:
    """The squared distance of every token's painted colour to the one wanted, [b n]."""
    worn = resize_mask(batch.garment_region, *TOKENS)
    colour = resize_mask(painted * batch.garment_region, *TOKENS) / worn.clamp_min(1e-3)
    return (colour.flatten(2).mT - wanted).square().sum(-1)


def correlations(wrong: Tensor, off: Tensor, spread: Tensor, entropy: Tensor, lively: Tensor) -> Scores:
    """What goes with a wrong colour, alone and with the others held fixed; wide and narrow looks at right places."""
    alone = {"off": off, "spread": spread, "entropy": entropy, "lively": lively}
    found = {f"error_{name}": partial_rank_correlation(wrong, value) for name, value in alone.items()}
    found["error_spread_given"] = partial_rank_correlation(wrong, spread, off, lively)
    found["error_entropy_given"] = partial_rank_correlation(wrong, entropy, off, lively)
    found["error_off_given"] = partial_rank_correlation(wrong, off, spread, lively)
    near = (lively > lively.median()) & (off < NEAR)
    wide = spread > spread[near].median()
    return found | {
        "near_wide": float(wrong[near & wide].mean()),
        "near_narrow": float(wrong[near & ~wide].mean()),
        "near_count": float(near.sum()),
    }


def elsewhere(pipeline: TryOnDiffusionPipeline, batch: TryOnBatch, painted: Tensor, name: str, seed: int) -> Scores:
    """Errors of a block's centres at lower noise levels, and where its keys see another garment's pixels."""

    def at(timestep: int, **shown: Tensor) -> float:
        generator = torch.Generator().manual_seed(seed)
        records = pipeline.read_attention(painted, **batch.inputs, timestep=timestep, generator=generator, **shown)
        return error(expected_coordinates(records[name]), batch)

    lower = {f"epe_at_{timestep}": at(timestep) for timestep in TIMES}
    return lower | {"misled": at(999, shown=other_garments(batch))}


@torch.no_grad()
def looks(pipeline: TryOnDiffusionPipeline, batch: TryOnBatch, seed: int) -> Scores:
    """Everything that is measured of one model on one group of people."""
    painted, records = paint(pipeline, batch, seed)
    names = finest(records)
    record, tokens = records[names[0]], batch_tokens(records[names[0]], batch)
    inside = tokens.measured
    rows = (
        to_pixels(expected_coordinates(record).flatten(1, 2) - tokens.truth, *TOKENS).norm(dim=-1)[inside],
        spread_in_tokens(record)[inside],
        torch.special.entr(record.weights().mean(1)).sum(-1)[inside],
        liveliness(batch)[inside],
    )
    found = {"tokens": float(inside.sum()), "spread": float(rows[1].mean()), "entropy": float(rows[2].mean())}
    found |= correlations(painted_error(painted, batch, tokens.wanted)[inside], *rows)
    found |= elsewhere(pipeline, batch, painted, names[0], seed)
    for name, matrix in parts.part_matrices(record, batch).items():
        found |= {f"own_{name}": parts.same_part(matrix), f"across_{name}": parts.other_side(matrix)}

    def colours(t: float, painted: Tensor, record: AttentionRecord) -> Scores:
        wrong = painted_error(painted, batch, tokens.wanted)[inside]
        copied = colour_mixture(record, tokens.colours.flatten(2).mT, tokens.wanted).error[inside]
        return {
            f"painted_{t}": float(wrong.mean()),
            f"copied_{t}": float(copied.mean()),
            f"epe_{t}": error(expected_coordinates(record), batch),
            f"ssim_{t}": float(ssim(painted, batch.person, batch.garment_region).mean()),
        }

    found |= colours(1.0, painted, record)
    for t in TEMPERATURES:
        with tempered(pipeline, names, t):
            painted, records = paint(pipeline, batch, seed)
        found |= colours(t, painted, records[names[0]])
    return found


def opponents(batch: TryOnBatch) -> Scores:
    """Errors of what looks at nothing: chance, the plain copy, one mask laid over the other."""
    flows = baseline_flows(batch)
    return {
        "chance": error(flows[CHANCE], batch),
        "cloth": error(cloth_centre_flow(batch), batch),
        "copy": error(flows["copy"], batch),
        "aligned": error(aligned_masks_flow(batch), batch),
    }


def main() -> None:
    """Measure the models that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=PIPELINE")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    for name, _, folder in (text.partition("=") for text in options.models):
        start, pipeline = time.perf_counter(), open_pipeline(folder)
        groups = []
        for group in range(GROUPS):
            batch = people(group)
            groups.append(opponents(batch) | looks(pipeline, batch, group))
            last = {k: round(groups[-1][k], 4) for k in ("epe_1.0", "painted_1.0", "painted_0.5", "error_spread_given")}
            print(name, group, last, flush=True)
        seconds = round(time.perf_counter() - start, 1)
        stored = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {"runs": {}}
        stored["runs"][name] = {"seconds": seconds, "groups": groups}
        replace_text(options.out, json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
