"""The report of a try-on pipeline: every split of its data, garments laid straight and anyhow, fabric by fabric.

Book: sec-end-to-end.
"""

from __future__ import annotations

import re
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
from vtonlib.data.domains import Domains
from vtonlib.data.folders import Folder
from vtonlib.data.source import EVALUATE, Split, TryOnSource, ordered_batches
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation.evaluate import SplitEvaluation
from vtonlib.evaluation.references import reference_images
from vtonlib.evaluation.report import Provenance, Report, Table
from vtonlib.evaluation.translation import TranslationEvaluation
from vtonlib.experiment import TryOn, load_pipeline, try_on
from vtonlib.images import grid, save_png
from vtonlib.models.autoencoder import decode, encode
from vtonlib.models.classifier import load_classifier
from vtonlib.pipelines.latent import LatentPipeline
from vtonlib.pipelines.load import METHODS, Pipeline
from vtonlib.pipelines.translation import TranslationPipeline
from vtonlib.presets import ExperimentConfig, open_source, read_config
from vtonlib.tasks.translation import TranslationConfig, TranslationTask
from vtonlib.training.identity import seed_everything

TOKEN_PIXELS = 4
"""Pixels of a token, in which reports give errors and coverage: one lattice for all methods, whatever their own."""
BATCH = 32
"""Examples that are painted at once."""
SHOWN = 6
"""Rows of ``grid.png``."""
START, PATTERN = "as training began", "source with a true pattern"
"""References of a translation."""


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


def all_examples(data: DataConfig, preset: str = "") -> tuple[Examples, ...]:
    """Paired and unpaired test examples, of persons alone only the latter; in the world also the cross split, and for
    try-on all three with garments laid the other way. Those that ``data`` describes come first.

    Raises:
        FolderError: where a folder is at fault, or lacks what models of ``preset`` are told: for ALIAS, label maps.
    """
    kinds: tuple[tuple[str, Split, bool], ...] = (
        ("paired", "test", False),
        ("unpaired", "test", True),
        ("cross", "cross", False),
    )
    if data.root:
        source = open_source(data, preset=preset and f"{EVALUATE}{preset}")
        if isinstance(source, Folder) and source.layout.persons_only:
            return (Examples("unpaired, persons alone", source, "test", True),)
        return tuple(Examples(name, source, split, unpaired) for name, split, unpaired in kinds[:2])
    if data.reference == "person":  # no flat garment is seen, however it lies
        poses = open_source(data)
        return tuple(Examples(name, poses, split, unpaired) for name, split, unpaired in kinds)
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
    height, width = next(examples.batches(1))[0].size
    tokens = Grid(height // TOKEN_PIXELS, width // TOKEN_PIXELS)
    scores = SplitEvaluation(examples.name, tokens=tokens, extractor=load_classifier())
    coder: tuple[Callable[[Tensor], Tensor], ...] = ()
    if isinstance(pipeline, LatentPipeline):
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


def _on_device(pipeline: LatentPipeline, call: Callable[..., Tensor], x: Tensor) -> Tensor:
    return call(pipeline.autoencoder, x.to(pipeline.autoencoder.device, pipeline.autoencoder.dtype)).to(x)


def _misled(pipeline: Pipeline, worn: TryOn, batch: TryOnBatch) -> dict[str, AttentionRecord]:
    """A diffusion model's attentions when its keys are shown the next person's garment; no warping network has any."""
    if not isinstance(pipeline, LatentPipeline):
        return {}
    generator = torch.Generator().manual_seed(int(batch.index[0]))
    records = pipeline.read_attention(worn.image, **batch.inputs, shown=batch.garment.roll(-1, 0), generator=generator)
    return {f"{block}, other garment": record for block, record in records.items()}


def score_translation(pipeline: TranslationPipeline, config: ExperimentConfig, *, count: int, out: Path) -> Table:
    """The scores of a translation on the first test people of both domains, and ``grid.png``: source, translation, and
    the source with a true pattern.

    Beside it stand the source itself, the network as its training began, and the true pattern.

    Raises:
        ValueError: where ``config`` is of no translation, or its data is a folder.
    """
    if not isinstance(config.task, TranslationConfig):
        raise ValueError(f"these settings are of preset '{config.preset}': expected a translation's")
    domains, classifier = Domains(open_source(config.data), config.task.pattern), load_classifier()
    patterned = partial(classifier.shows, texture=config.task.pattern)
    scores = TranslationEvaluation("test", extractor=classifier, patterned=patterned)
    seed_everything(config.train.seed)
    start = TranslationPipeline(TranslationTask(config.task).translator.eval())
    for indices in torch.arange(min(count, domains.size("test"))).split(BATCH):
        batch, true = domains.paired("test", indices), domains.counterfactual("test", indices)
        translated = pipeline(batch.source).images
        scores.add(batch, {METHODS[type(pipeline)]: translated}, {START: start(batch.source).images, PATTERN: true})
        if not indices[0]:
            save_png(out / "grid.png", grid([column[:SHOWN] for column in (batch.source, translated, true)]))
    return scores.table()


def chosen(examples: Sequence[Examples], words: Sequence[str]) -> tuple[Examples, ...]:
    """Those whose name holds one of ``words``, as whole words; all where there are none.

    Raises:
        ValueError: for a word that no name holds, listing the names.
    """
    names = ", ".join(repr(one.name) for one in examples)
    sought = {word: re.compile(rf"\b{re.escape(word)}\b") for word in words}
    for word, pattern in sought.items():
        if not any(pattern.search(one.name) for one in examples):
            raise ValueError(f"no examples are called {word!r}; there are {names}")
    return tuple(one for one in examples if not words or any(p.search(one.name) for p in sought.values()))


def evaluate(  # budget: one path for each kind of pipeline
    run: Path,
    *,
    count: int = 64,
    root: str | None = None,
    blind: Path | None = None,
    splits: Sequence[str] = (),
    out: Path | None = None,
) -> Report:
    """Evaluate the pipeline of a run on every split its data has, and write report.md, report.json and grid.png.

    A translation is evaluated by :func:`score_translation`; what follows is of try-on.

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

    Raises:
        ValueError: for a word that no split's name holds; for a translation, where ``blind`` or ``splits`` is given, or
            ``root`` is a folder.
    """
    config = read_config(run / "config.json")
    data = config.data if root is None else replace(config.data, root=root, layout="auto")
    pipeline, out = load_pipeline(run), run if out is None else out
    if isinstance(pipeline, TranslationPipeline):
        if blind is not None or splits:
            raise ValueError(f"{run}: a translation has no blind twin, and one split, test")
        tables = [score_translation(pipeline, replace(config, data=data), count=count, out=out)]
    else:
        twin, examples = None if blind is None else load_pipeline(blind), all_examples(data, config.preset)
        asked = chosen(examples, splits)
        tables = [table for one in asked for table in score(pipeline, one, count=count, blind=twin)]
        save_pictures(pipeline, next(one for one in examples if one.unpaired), out)
    name = checkpoints.shipped(run)
    provenance = Provenance.collect(
        command=shlex.join(["python", "-m", "vtonlib", *sys.argv[1:]]),
        checkpoint=name or str(run / "final"),
        extractor=load_classifier().name,
    )
    report = Report(f"{name or f'{config.preset}, {config.size}'}, {count} examples a split", tuple(tables), provenance)
    report.save(out)
    return report


def save_pictures(pipeline: Pipeline, examples: Examples, out: Path, *, count: int = SHOWN) -> None:
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
