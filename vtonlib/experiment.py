"""A whole experiment: train a preset into a run folder, evaluate what it saved, try garments on.

Book: sec-end-to-end.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import Split, TryOnSource, ordered_batches
from vtonlib.evaluation.evaluate import SplitEvaluation
from vtonlib.evaluation.report import Provenance, Report, Table
from vtonlib.models.autoencoder import DOWNSCALE
from vtonlib.models.classifier import load_classifier
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.presets import ExperimentConfig, build, open_source, read_config
from vtonlib.training.trainer import Trainer, seed_everything

FINAL = "final"
"""Where in its run folder a trainer leaves what it trained."""
COLUMNS = ("garment", "agnostic", "result", "truth")


def train(config: ExperimentConfig, out: Path) -> Path:
    """Train into ``out``, going on where an earlier call was interrupted; returns the folder of the final weights.

    Raises:
        ValueError: when ``out`` holds a run with other settings.
    """
    seed_everything(config.train.seed)
    task, source = build(config)
    examples = next(ordered_batches(source, "test", count=8))
    Trainer(task, task.batches(source, config.train), config.train, out, experiment=config, examples=examples).fit()
    return out / FINAL


def load_pipeline(run: Path) -> TryOnDiffusionPipeline:
    """The try-on pipeline of a finished run, or of a folder written by ``save_pretrained``.

    Raises:
        FileNotFoundError: when there is none.
    """
    for folder in (run / FINAL, run):
        if (folder / "model_index.json").exists():
            pipeline = TryOnDiffusionPipeline.from_pretrained(folder, local_files_only=True)
            pipeline.set_progress_bar_config(disable=True)
            return pipeline.to("cuda" if torch.cuda.is_available() else "cpu")
    raise FileNotFoundError(f"{run}: no trained pipeline here (no {FINAL}/model_index.json); train one first")


def try_on(
    pipeline: TryOnDiffusionPipeline, batch: TryOnBatch, *, steps: int = 20, guidance_scale: float = 1.0, seed: int = 0
) -> tuple[TryOnBatch, dict[str, AttentionRecord]]:
    """The batch with ``person`` replaced by the result, and the attentions that made it.

    The attentions are read while the result itself, noised again, is denoised once: nothing of the true person is
    used.
    """
    inputs = {
        "garment": batch.garment,
        "agnostic": batch.agnostic,
        "agnostic_mask": batch.agnostic_mask,
        "dense_pose": batch.dense_pose,
    }
    generator = torch.Generator().manual_seed(seed)
    result = pipeline(
        **inputs, num_inference_steps=steps, guidance_scale=guidance_scale, generator=generator
    ).images.to(batch.person.device)
    return replace(batch, person=result), pipeline.read_attention(result, **inputs, generator=generator)


def evaluate_split(
    pipeline: TryOnDiffusionPipeline, source: TryOnSource, split: Split, *, unpaired: bool, count: int, name: str
) -> Table:
    """The scores of a pipeline on one split, with every baseline."""
    first = source.paired(split, torch.tensor([0]))
    tokens = Grid(first.size[0] // DOWNSCALE, first.size[1] // DOWNSCALE)
    scores = SplitEvaluation(name, tokens=tokens, extractor=load_classifier())
    for batch in ordered_batches(source, split, count=count, unpaired=unpaired):
        result, records = try_on(pipeline, batch, seed=int(batch.index[0]))
        scores.add(batch, attention=records, images={"StableVITON": result.person})
    return scores.table()


def evaluate(run: Path, *, count: int = 64, root: str | None = None) -> Report:
    """Evaluate the pipeline of a run on every split its data has, and write report.md, report.json and grid.png.

    Args:
        run: the run folder.
        count: examples of each split.
        root: a folder of images to evaluate on instead of the run's own data ("" is the world).
    """
    config = read_config(run / "config.json")
    data = config.data if root is None else replace(config.data, root=root)
    source, pipeline = open_source(data), load_pipeline(run)
    splits: list[tuple[str, Split, bool]] = [("paired", "test", False), ("unpaired", "test", True)]
    if not data.root:
        splits += [("cross", "cross", False)]
    tables = tuple(
        evaluate_split(pipeline, source, split, unpaired=unpaired, count=count, name=name)
        for name, split, unpaired in splits
    )
    provenance = Provenance.collect(
        command=shlex.join(["python", "-m", "vtonlib", *sys.argv[1:]]),
        checkpoint=str(run / FINAL),
        extractor=load_classifier().name,
    )
    report = Report(f"{config.preset}, {config.size}, {count} examples a split", tables, provenance)
    report.save(run)
    save_grid(pipeline, source, run / "grid.png")
    return report


def save_grid(pipeline: TryOnDiffusionPipeline, source: TryOnSource, path: Path, *, count: int = 6) -> None:
    """A picture of the first unpaired test examples: garment, agnostic image, result, truth."""
    from vtonlib.images import grid, save_png

    batch = next(ordered_batches(source, "test", count=count, unpaired=True))
    result, _ = try_on(pipeline, batch)
    save_png(path, grid([batch.garment, batch.agnostic, result.person, batch.person]))
