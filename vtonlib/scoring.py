"""The report of a try-on pipeline: every split of its data, garments laid straight and anyhow, fabric by fabric.

Book: sec-end-to-end.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from vtonlib import checkpoints
from vtonlib.attention import AttentionRecord, Grid
from vtonlib.config import DataConfig, Laid
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import Split, TryOnSource, ordered_batches
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation.evaluate import SplitEvaluation
from vtonlib.evaluation.references import reference_images
from vtonlib.evaluation.report import Provenance, Report, Table
from vtonlib.experiment import TryOn, load_pipeline, try_on
from vtonlib.images import grid, save_png
from vtonlib.models.autoencoder import decode, encode
from vtonlib.models.classifier import load_classifier
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.pipelines.load import METHODS, Pipeline
from vtonlib.presets import open_source, read_config

TOKEN_PIXELS = 4
"""Pixels of a token, in which reports give errors and coverage: one lattice for all methods, whatever their own."""
BATCH = 32
"""Examples that are painted at once."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Which examples a table is of."""

    name: str
    """As the report calls them."""
    source: TryOnSource
    """Where they come from."""
    split: Split
    """Which of its splits."""
    unpaired: bool
    """Whether people wear others' garments."""

    def batches(self, count: int) -> Iterator[tuple[TryOnBatch, tuple[str, ...]]]:
        """The first ``count`` examples, and the fabrics of their garments where the source knows them."""
        for batch in ordered_batches(self.source, self.split, count=count, batch_size=BATCH, unpaired=self.unpaired):
            yield batch, self._fabrics(batch.index)

    def _fabrics(self, index: Tensor) -> tuple[str, ...]:
        if not isinstance(self.source, World):
            return ()
        garments = self.source.partner(self.split, index) if self.unpaired else index
        names = tuple(TEXTURES)
        return tuple(names[kind] for kind in self.source.scenes(self.split, garments).garment.texture.tolist())


def all_examples(data: DataConfig) -> tuple[Examples, ...]:
    """Paired and unpaired test examples; in the world also the cross split, and all three with garments laid the other
    way. Those that ``data`` describes come first."""
    kinds: tuple[tuple[str, Split, bool], ...] = (
        ("paired", "test", False),
        ("unpaired", "test", True),
        ("cross", "cross", False),
    )
    if data.root:
        source = open_source(data)
        return tuple(Examples(name, source, split, unpaired) for name, split, unpaired in kinds[:2])
    ways: tuple[Laid, Laid] = (data.laid, "straight" if data.laid == "anyhow" else "anyhow")
    worlds = {laid: open_source(replace(data, laid=laid)) for laid in ways}
    return tuple(
        Examples(f"{name}, laid {laid}", world, split, unpaired)
        for laid, world in worlds.items()
        for name, split, unpaired in kinds
    )


def score(
    pipeline: Pipeline, examples: Examples, *, count: int = 64, blind: Pipeline | None = None
) -> tuple[Table, ...]:
    """The scores of a pipeline on some examples, with every baseline, and of the attention of its blind twin, if given.

    The first table has all metrics; the others, where fabrics are known, one metric each with a column for each fabric.
    """
    height, width = examples.source.paired(examples.split, torch.tensor([0])).size
    tokens = Grid(height // TOKEN_PIXELS, width // TOKEN_PIXELS)
    scores = SplitEvaluation(examples.name, tokens=tokens, extractor=load_classifier())
    coder: tuple[Callable[[Tensor], Tensor], ...] = ()
    if isinstance(pipeline, TryOnDiffusionPipeline):
        coder = (partial(_on_device, pipeline, encode), partial(_on_device, pipeline, decode))
    for batch, fabrics in examples.batches(count):
        worn = try_on(pipeline, batch, seed=int(batch.index[0]))
        attention = worn.attention | _misled(pipeline, worn, batch)
        if blind is not None:
            twin = try_on(blind, batch, seed=int(batch.index[0])).attention
            attention |= {f"{block}, blind twin": record for block, record in twin.items()}
        images, references = {METHODS[type(pipeline)]: worn.image}, reference_images(batch, *coder)
        scores.add(batch, attention=attention, flows=worn.flows, images=images, references=references, fabrics=fabrics)
    return scores.tables()


def _on_device(pipeline: TryOnDiffusionPipeline, call: Callable[..., Tensor], x: Tensor) -> Tensor:
    return call(pipeline.autoencoder, x.to(pipeline.autoencoder.device, pipeline.autoencoder.dtype)).to(x)


def _misled(pipeline: Pipeline, worn: TryOn, batch: TryOnBatch) -> dict[str, AttentionRecord]:
    """A diffusion model's attentions when its keys are shown the next person's garment; no warping network has any."""
    if not isinstance(pipeline, TryOnDiffusionPipeline):
        return {}
    generator = torch.Generator().manual_seed(int(batch.index[0]))
    records = pipeline.read_attention(worn.image, **batch.inputs, shown=batch.garment.roll(-1, 0), generator=generator)
    return {f"{block}, other garment": record for block, record in records.items()}


def chosen(examples: Sequence[Examples], words: Sequence[str]) -> tuple[Examples, ...]:
    """Those whose name holds one of ``words``; all where there are none.

    Raises:
        ValueError: for a word that no name holds, listing the names.
    """
    names = ", ".join(repr(one.name) for one in examples)
    for word in words:
        if not any(word in one.name for one in examples):
            raise ValueError(f"no examples are called {word!r}; there are {names}")
    return tuple(one for one in examples if not words or any(word in one.name for word in words))


def evaluate(
    run: Path,
    *,
    count: int = 64,
    root: str | None = None,
    blind: Path | None = None,
    splits: Sequence[str] = (),
    out: Path | None = None,
) -> Report:
    """Evaluate the pipeline of a run on every split its data has, and write report.md, report.json and grid.png.

    In the world that is paired, unpaired and cross, each with garments laid straight and anyhow, and by fabric. Rows
    "other garment" are of attention whose keys are shown another garment: what reads nothing of it is not misled; what
    is misled may read its outline alone.

    Args:
        run: the run folder, or a shipped model's.
        count: examples of each split.
        root: a folder of images to evaluate on instead of the run's own data ("" is the world).
        blind: the run of its blind twin (trained with ``task.keys_see=place``), for rows beside its own.
        splits: only examples whose names hold one of these words, such as "unpaired, laid anyhow".
        out: where to write; by default the run folder.
    """
    config = read_config(run / "config.json")
    data = config.data if root is None else replace(config.data, root=root)
    pipeline, twin = load_pipeline(run), None if blind is None else load_pipeline(blind)
    examples = chosen(all_examples(data), splits)
    tables = [table for one in examples for table in score(pipeline, one, count=count, blind=twin)]
    name = checkpoints.shipped(run)
    provenance = Provenance.collect(
        command=shlex.join(["python", "-m", "vtonlib", *sys.argv[1:]]),
        checkpoint=name or str(run / "final"),
        extractor=load_classifier().name,
    )
    report = Report(f"{name or f'{config.preset}, {config.size}'}, {count} examples a split", tuple(tables), provenance)
    out = run if out is None else out
    report.save(out)
    save_pictures(pipeline, all_examples(data)[1], out)
    return report


def save_pictures(pipeline: Pipeline, examples: Examples, out: Path, *, count: int = 6) -> None:
    """``grid.png``, the first examples, and ``fabrics.png``, the first two of each fabric, where fabrics are known.

    Columns: garment, agnostic image, result, truth.
    """
    batch, fabrics = next(examples.batches(BATCH))
    painted = try_on(pipeline, batch).image
    columns = (batch.garment, batch.agnostic, painted, batch.person)
    save_png(out / "grid.png", grid([column[:count] for column in columns]))
    rows = [i for kind in TEXTURES for i in [n for n, fabric in enumerate(fabrics) if fabric == kind][:2]]
    if rows:
        save_png(out / "fabrics.png", grid([column[rows] for column in columns]))
