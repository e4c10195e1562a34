"""A whole experiment: train a preset into a run folder, open what it saved, try garments on.

Book: sec-end-to-end.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import visible_groups
from vtonlib.data.source import TryOnSource
from vtonlib.disk import atomic_folder, hold, replace_text
from vtonlib.models.alias import ALIASGenerator
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.models.stored import load_stored
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.pipelines.load import INDEX, METHODS, Pipeline, read_pipeline
from vtonlib.pipelines.options import GuidanceOn, ReferenceSteps, Repaint, Start, check_choices
from vtonlib.pipelines.schedulers import SamplerName
from vtonlib.pipelines.translation import TranslationPipeline
from vtonlib.presets import STAGES, ExperimentConfig, build, open_source, progressive, read_config, to_json
from vtonlib.settings import Seed, within
from vtonlib.training.final import FINAL, FINISHED, refuse_damaged
from vtonlib.training.trainer import EXAMPLES, Trainer, seed_everything


def train(config: ExperimentConfig, out: Path) -> Path:
    """Train into ``out``, going on where an earlier call was interrupted; returns the folder of the final weights.

    Raises:
        ValueError: when ``out`` holds a run with other settings.
    """
    seed_everything(config.train.seed)
    task, source = build(config)
    examples = task.examples(source, EXAMPLES)
    Trainer(task, task.batches(source, config.train), config.train, out, experiment=config, examples=examples).fit()
    return out / FINAL


def train_progressively(config: ExperimentConfig, out: Path) -> Path:
    """Train a Leffa's three stages (:func:`vtonlib.presets.progressive`), each from what the one before it left.

    The stages are runs in ``out``, as :func:`train` makes them; returns the folder of the last one's final weights.

    Raises:
        ValueError: for a config of another task, and when a stage's run was made with other settings.
    """
    initial = ""
    for name, stage in zip(STAGES, progressive(config), strict=True):
        task = replace(stage.task, initial=initial) if initial else stage.task  # type: ignore[arg-type]
        train(replace(stage, task=task), out / name)
        initial = str(out / name)
    return out / STAGES[-1] / FINAL


def load_pipeline(run: Path) -> Pipeline:
    """The pipeline of a finished run, or of a folder written by ``save_pretrained``.

    Models that come with the library are opened by name: :func:`vtonlib.checkpoints.load`.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: when it is not one of vtonlib's, or a file is not what training wrote.
    """
    for folder in (run / FINAL, run):
        if (folder / INDEX).is_file():
            refuse_damaged(folder)
            return read_pipeline(folder)
    if (run / FINAL).exists():
        raise FileNotFoundError(
            f"{run}: this run has no try-on pipeline (no {FINAL}/{INDEX}). `assemble` makes one of runs of "
            "VITON-HD's three stages; matchers are measured by benchmarks/blind.py"
        )
    raise FileNotFoundError(f"{run}: no trained pipeline here (no {FINAL}/{INDEX}); train one first")


def load_translation(run: Path) -> TranslationPipeline:
    """The pipeline of a finished run of preset translation, or of a folder that holds one.

    Raises:
        FileNotFoundError: when there is no pipeline.
        ValueError: when it is one that tries garments on, or not vtonlib's.
    """
    pipeline = load_pipeline(run)
    if not isinstance(pipeline, TranslationPipeline):
        raise ValueError(f"{run}: this pipeline tries garments on; `sample` does that, with a garment")
    return pipeline


def load_source(run: Path) -> TryOnSource:
    """The examples that a run was trained on, and its test examples.

    Raises:
        FileNotFoundError: when ``run`` holds no config.
        ValueError: when its config is not one.
    """
    return open_source(read_config(run / "config.json").data)


def assemble(segmentation: Path, matching: Path, alias: Path, out: Path) -> Path:
    """Make the three-stage pipeline of three finished runs; ``out`` can then be evaluated and sampled like a run.

    Raises:
        FileNotFoundError: when a run has not been trained.
        FileExistsError: when ``out`` is a run that was trained.
        ValueError: when a run is of another preset or damaged, or the sizes of their images differ.
    """
    if (out / FINAL / FINISHED).exists():
        raise FileExistsError(f"{out}: what was trained here would be lost; choose another folder")
    runs = {"segmentation": segmentation, "geometric_matching": matching, "alias": alias}
    configs = {}
    for name, run in runs.items():
        if not (run / FINAL / FINISHED).exists():
            raise FileNotFoundError(f"{run}: not a finished run; train one with `python -m vtonlib train {name}`")
        configs[name] = read_config(run / "config.json")
        if configs[name].preset != name:
            raise ValueError(f"{run}: a run of preset '{configs[name].preset}', expected '{name}'")
        refuse_damaged(run / FINAL)
    sizes = {name: f"{config.data.height}x{config.data.width}" for name, config in configs.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"the runs' images differ in size: {sizes}")
    pipeline = ALIASPipeline(
        segmentation=load_stored(SegmentationGenerator, segmentation / FINAL / "segmentation"),
        matcher=load_stored(GeometricMatcher, matching / FINAL / "matcher"),
        generator_network=load_stored(ALIASGenerator, alias / FINAL / "generator"),
    )
    with hold(out):
        with atomic_folder(out / FINAL) as folder:
            pipeline.save_pretrained(folder)
        replace_text(out / "config.json", to_json(configs["alias"]))
    return out / FINAL


@dataclass(frozen=True, slots=True)
class TryOn:
    """Persons in their new garments, and what says where the garment's parts went.

    That is the attentions of a diffusion model by block, of which Leffa's are the reference's part, or the flows of a
    warping network by name.
    """

    image: Float[Tensor, "b 3 h w"]
    """The persons in their new garments, in [-1, 1]."""
    attention: dict[str, AttentionRecord]
    """Attentions by block; empty for a warping network."""
    flows: dict[str, Float[Tensor, "b h w 2"]]
    """Flows by name; empty for a diffusion model."""

    def correspondence(self) -> tuple[str, Float[Tensor, "b h w 2"]]:
        """The flow, and its name: the warping network's, or that of the block whose attention has the least entropy
        among those on the finest lattice. Coarse ones can be sure of places that nothing is painted from: Leffa's
        middle gives the reference a hundredth of its weight."""
        if self.flows:
            return next(iter(self.flows.items()))
        finest = max(record.key.shape[2] for record in self.attention.values())
        fine = {name: record for name, record in self.attention.items() if record.key.shape[2] == finest}
        name, record = min(fine.items(), key=lambda item: float(item[1].entropy().mean()))
        return name, expected_coordinates(record)


class SamplingOptions(TypedDict, total=False):
    """How a diffusion model samples: arguments of its pipeline by their names, and two others."""

    steps: int | None
    """``num_inference_steps``; by default as many as the pipeline was stored with."""
    scheduler: SamplerName
    """``"ddim"``, ``"plms"`` or ``"ddpm"``; by default what the pipeline was stored with."""
    guidance_scale: float
    """1 is no guidance, StableVITON's default; Leffa's is stored with the weights."""
    guidance_on: GuidanceOn
    """What of the garment guidance amplifies; StableVITON's alone."""
    guidance_rescale: float
    """The share of the spread guidance adds that is taken back; Leffa's alone."""
    reference_steps: ReferenceSteps
    """When the reference is read; Leffa's alone."""
    start: Start
    """From noise, or from the noised person, which leaks the answer; StableVITON's alone."""
    repaint: Repaint
    """Keep the pixels outside the mask; the only option that ALIAS has too. ``"released"``, Leffa's alone, blurs its
    edge and leaks the person there."""
    repaint_latents: bool
    """Keep the latents outside the mask at every step."""


def try_on(pipeline: Pipeline, batch: TryOnBatch, *, seed: int = 0, **options: Unpack[SamplingOptions]) -> TryOn:
    """Put the batch's garments on its persons.

    Attentions are read while the result itself, noised again, is denoised once: nothing of the true person is used,
    unless ``start="leaking"`` or ``repaint="released"`` asks for it.

    Raises:
        ValueError: for a pipeline that translates, naming an option that the pipeline does not have, or a seed that is
            no whole number in [0, 2^32).
    """
    within(Seed, seed, "seed")
    if isinstance(pipeline, TranslationPipeline):
        raise ValueError("this pipeline translates pictures, and knows no garments; `translate` does that")
    if unknown := sorted(options.keys() - SamplingOptions.__annotations__.keys()):
        known = ", ".join(SamplingOptions.__annotations__)
        raise ValueError(f"{', '.join(unknown)}: no option of sampling; there are: {known}")
    inputs: dict[str, Any] = {**batch.inputs}
    generator, device = torch.Generator().manual_seed(seed), batch.person.device
    if isinstance(pipeline, ALIASPipeline):
        if others := sorted(options.keys() - {"repaint"}):
            raise ValueError(f"{', '.join(others)}: options of diffusion models; this pipeline is ALIAS, one pass")
        inputs |= {"garment_mask": batch.garment_mask, "visible_groups": visible_groups(batch)}
        repaint = options.get("repaint", True)
        check_choices(repaint=(repaint, Literal[True, False]))
        made = pipeline(**inputs, repaint=bool(repaint), generator=generator)
        return TryOn(made.images.to(device), {}, {"geometric matching": made.flow.to(device)})
    arguments: dict[str, Any] = dict(options)
    own = inspect.signature(type(pipeline).__call__).parameters.keys()
    if others := sorted(arguments.keys() - own - {"steps", "scheduler"}):
        raise ValueError(f"{', '.join(others)}: no option of this pipeline, which is {METHODS[type(pipeline)]}")
    if name := arguments.pop("scheduler", None):
        pipeline = pipeline.with_sampler(name)
    steps = arguments.pop("steps", None)
    leaks = arguments.get("start") == "leaking" or arguments.get("repaint") == "released"
    person = batch.person if leaks else None
    made = pipeline(**inputs, **arguments, person=person, num_inference_steps=steps, generator=generator)
    image = made.images.to(device)
    return TryOn(image, pipeline.read_attention(image, **inputs, generator=generator), {})


def image_size(run: Path, height: int | None, width: int | None) -> tuple[int, int]:
    """(height, width) to work at: what is given, else the size that the run was trained at.

    Raises:
        ValueError: when only one is given, or neither is and ``run`` has no config.
    """
    if (height is None) != (width is None):
        raise ValueError("--height and --width: give both or neither")
    if height and width:
        return height, width
    if not (run / "config.json").exists():
        raise ValueError(f"{run}: no config.json that tells the size; give --height and --width")
    data = read_config(run / "config.json").data
    return data.height, data.width
