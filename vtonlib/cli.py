# budget: every verb of the command line, with its grammar
"""The command line: ``python -m vtonlib {list,train,assemble,sample,translate,evaluate,data}``.

Each verb is a few calls of public functions; a notebook can make the same calls. Imports stand inside the verbs, so
that ``--help`` and the data verbs do not wait for diffusers.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from vtonlib.config import FolderLayout, Laid, Size, override
from vtonlib.failures import report, warnings_in_one_line
from vtonlib.memory import keep_freed_memory
from vtonlib.settings import SIDES

if TYPE_CHECKING:
    from vtonlib.data.batch import TryOnBatch
    from vtonlib.experiment import TryOn


def list_presets(_: argparse.Namespace) -> None:
    """Print every preset, what each size means, and every shipped model."""
    from vtonlib import checkpoints
    from vtonlib.presets import DATA, PRESETS

    for name, function in PRESETS.items():
        print(f"{name:18} {(function.__doc__ or '').strip().splitlines()[0]}")
    print("sizes:      ", ", ".join(f"{size} {data.height}x{data.width}" for size, data in DATA.items()))
    print("\nShipped models, whose names may stand where a run folder may:")
    for name in checkpoints.ALL:
        print(f"{name:18} {checkpoints.provenance(name).sentence()}")


def train(options: argparse.Namespace) -> None:
    """Train a preset."""
    from vtonlib import experiment
    from vtonlib.presets import preset

    config = override(preset(options.preset, size=options.size), *options.set)
    if options.data:
        config = replace(config, data=replace(config.data, root=str(options.data)))
    stages = "-progressive" if options.progressive else ""
    out = options.out or Path("runs") / f"{options.preset}-{options.size}{stages}"
    fit = experiment.train_progressively if options.progressive else experiment.train
    try:
        final = fit(config, out)
        if os.environ.get("RANK", "0") == "0":  # one of several processes
            print(f"trained: {final}")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_resume(out)) from None


def _how_to_resume(out: Path) -> str:
    from vtonlib.presets import STAGES
    from vtonlib.training.checkpoint import checkpoint_folders

    folders = [
        folder
        for run in (out, *(out / stage for stage in STAGES))
        for folder in checkpoint_folders(run / "checkpoints")
    ]
    if folders:
        return f"the same command goes on from {folders[-1]}"
    return f"{out} has no checkpoint yet, so the same command starts anew; train.save_every=20 writes them sooner"


def assemble(options: argparse.Namespace) -> None:
    """Make one try-on pipeline of three trained stages."""
    from vtonlib import experiment

    print(f"written: {experiment.assemble(options.segmentation, options.matching, options.alias, options.out)}")


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate a run."""
    from vtonlib import checkpoints, scoring

    root = None if options.data is None else str(options.data)
    run = checkpoints.located(options.run)
    name = checkpoints.shipped(run)
    out = options.out or (Path("runs") / name if name else run)
    report = scoring.evaluate(run, count=options.count, root=root, blind=options.blind, splits=options.splits, out=out)
    print(report.markdown())
    print(f"written: {out / 'report.md'}, report.json, grid.png")


def sample(options: argparse.Namespace) -> None:
    """Put a garment on a person, from files."""
    from vtonlib import checkpoints, experiment
    from vtonlib.images import save_png

    run = checkpoints.located(options.run)
    size = experiment.image_size(run, options.height, options.width)
    pipeline = experiment.load_pipeline(run)
    batch = _read_sample(options, *size, needs_person=getattr(pipeline, "needs_person", True))
    given: Any = {n: v for n in experiment.SamplingOptions.__annotations__ if (v := getattr(options, n)) is not None}
    with warnings_in_one_line():
        worn = experiment.try_on(pipeline, batch, seed=options.seed, **given)
    save_png(options.out, worn.image[0])
    print(f"written: {options.out}")
    if options.correspondence:
        save_correspondence(options.correspondence, worn, batch)


def _read_sample(options: argparse.Namespace, height: int, width: int, *, needs_person: bool) -> TryOnBatch:
    """What `sample` is given: a person, or a dense pose alone where the model paints everything."""
    from vtonlib.data.folders import read_files
    from vtonlib.data.folders.loose import read_pose

    if options.person:
        known = {"agnostic_mask": options.mask, "dense_pose": options.dense_pose, "parse": options.parse}
        return read_files(options.person, options.garment, **known, height=height, width=width)
    if needs_person:
        raise ValueError("--person is missing: this model paints on a picture of the person")
    if options.mask or options.parse:
        raise ValueError("--mask and --parse belong to a person: give --person too, or neither")
    if not options.dense_pose:
        raise ValueError("--dense-pose is missing: give the pose to paint, or a --person beside whom it lies")
    return read_pose(options.garment, options.dense_pose, height=height, width=width)


def translate(options: argparse.Namespace) -> None:
    """Translate a picture."""
    from vtonlib import checkpoints, experiment
    from vtonlib.data.folders import read_image
    from vtonlib.images import save_png

    run = checkpoints.located(options.run)
    height, width = experiment.image_size(run, options.height, options.width)
    image = read_image(options.image, height=height, width=width)
    save_png(options.out, experiment.load_translation(run)(image).images[0])
    print(f"written: {options.out}")


def save_correspondence(path: Path, worn: TryOn, batch: TryOnBatch) -> None:
    """Write the picture of where each painted pixel came from, by the sharpest attention or the warping network."""
    from vtonlib.viz.figures import correspondence_picture, save_figure

    name, flow = worn.correspondence()
    save_figure(path, correspondence_picture(worn.image[0], batch.garment[0], flow[0], batch.agnostic_mask[0]))
    print(f"written: {path} ({name})")


def make_data(options: argparse.Namespace) -> None:
    """Write a folder of images from the world."""
    from vtonlib.config import DataConfig
    from vtonlib.data.folders import LAYOUTS, write_folder
    from vtonlib.data.reposing import PoseTransfer
    from vtonlib.data.world import World

    kind = PoseTransfer if LAYOUTS[options.layout].transfers_pose else World
    world = kind(DataConfig(height=options.height, width=options.width, seed=options.seed, laid=options.laid))
    counts = {"train": options.train, "test": options.test, "cross": options.cross}
    write_folder(world, options.root, **counts, layout=options.layout, image_format=options.format, progress=True)
    print(f"written: {options.root} ({options.train} train, {options.test} test, {options.cross} cross)")


def check_data(options: argparse.Namespace) -> None:
    """Report every problem of a folder at once."""
    from vtonlib.data.folders import check_folder, folder_uses

    problems = check_folder(options.root, options.layout, progress=True)
    for problem in problems:
        print(problem)
    if problems:
        raise SystemExit(f"{options.root}: {len(problems)} problem{'s' if len(problems) > 1 else ''}")
    print(f"{options.root}: no problems found")
    for use, reason in folder_uses(options.root, options.layout).items():
        print(f"  {use}: {f'no, {reason}' if reason else 'yes'}")


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """An argument's type: a whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        expected = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"found {text!r}, expected {expected}") from None
        if value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"found {value}, expected {expected}")
        return value

    return parse


def finite(text: str) -> float:
    """An argument's type: a number, neither infinite nor NaN."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a finite number")
    return value


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(prog="python -m vtonlib", description="Virtual try-on, small enough to read.")
    verbs = root.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the presets").set_defaults(call=list_presets)
    _add_train(verbs.add_parser("train", help="train a preset, or go on with it"))
    _add_assemble(verbs.add_parser("assemble", help="make one pipeline of runs of VITON-HD's three stages"))
    _add_evaluate(verbs.add_parser("evaluate", help="score a trained run against truth"))
    _add_sample(verbs.add_parser("sample", help="put a garment on a person, from files"))
    _add_translate(verbs.add_parser("translate", help="translate a picture with a trained translation"))
    _add_data(verbs.add_parser("data", help="write or check a folder of images"))
    return root


def _add_train(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("preset")
    verb.add_argument("--size", choices=get_args(Size), default="tiny")
    verb.add_argument("--data", type=Path, help="a folder of VITON-HD, DressCode or DeepFashion, not the world")
    verb.add_argument("--out", type=Path, help="run folder (default: runs/PRESET-SIZE[-progressive])")
    verb.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="a.b=c", help="override settings, e.g. train.steps=60"
    )
    verb.add_argument("--progressive", action="store_true", help="Leffa's three stages, one after the other, in --out")
    verb.set_defaults(call=train)


def _add_assemble(verb: argparse.ArgumentParser) -> None:
    for stage in ("segmentation", "geometric_matching", "alias"):
        name = "matching" if stage == "geometric_matching" else stage
        verb.add_argument(f"--{name}", type=Path, required=True, help=f"finished run of preset {stage}")
    verb.add_argument("--out", type=Path, required=True, help="folder of the pipeline, which then counts as a run")
    verb.set_defaults(call=assemble)


def _add_evaluate(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", type=Path, help="a run folder, or the name of a shipped model (see `list`)")
    verb.add_argument("--count", type=whole(1), default=64, help="examples of each split")
    verb.add_argument("--data", type=Path, help="evaluate on this folder instead of the run's own data")
    verb.add_argument("--blind", type=Path, help="the run of its blind twin (task.keys_see=place), for rows beside it")
    verb.add_argument(
        "--splits", nargs="+", default=[], metavar="WORDS", help='only these, e.g. unpaired, or "cross, laid anyhow"'
    )
    verb.add_argument("--out", type=Path, help="where to write (default: the run; runs/NAME for a shipped model)")
    verb.set_defaults(call=evaluate)


def _add_sample(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", type=Path, help="a run folder, a folder of save_pretrained, or a shipped model's name")
    verb.add_argument("--person", type=Path, help="image of the person (pose transfer: not needed)")
    verb.add_argument("--garment", type=Path, required=True, help="the flat garment (pose transfer: the person)")
    verb.add_argument("--mask", type=Path, help="what to paint, white (default: beside the person, as in a data set)")
    verb.add_argument("--dense-pose", type=Path, help="dense pose of the person (default: beside the person)")
    verb.add_argument("--parse", type=Path, help="segmentation of the person (default: beside the person, if there)")
    verb.add_argument("--out", type=Path, required=True, help="PNG to write")
    verb.add_argument("--correspondence", type=Path, help="also write a picture of the correspondence")
    _add_size(verb)
    verb.add_argument("--steps", type=whole(1, 1000), help="denoising steps (default: the pipeline's own)")
    verb.add_argument("--scheduler", choices=("ddim", "plms", "ddpm"), help="sampler (default: the pipeline's own)")
    verb.add_argument("--guidance-scale", type=finite, help="1: no guidance (default: StableVITON 1, Leffa's its own)")
    verb.add_argument("--guidance-on", choices=("token", "features", "both"), help="of the garment (default: token)")
    verb.add_argument("--guidance-rescale", type=finite, help="share of its spread taken back (Leffa; default: 0)")
    verb.add_argument("--reference-steps", choices=("each", "once"), help="when to read the reference (Leffa)")
    verb.add_argument("--start", choices=("noise", "leaking"), help="leaking: the noised person, as in StableVITON")
    switch = argparse.BooleanOptionalAction
    verb.add_argument("--repaint", action=switch, help="keep the pixels outside the mask (default: yes)")
    verb.add_argument("--repaint-latents", action=switch, help="keep latents at each step (default: no)")
    verb.add_argument("--seed", type=whole(0, 2**63 - 1), default=0)
    verb.set_defaults(call=sample)


def _add_translate(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", type=Path, help="a run of preset translation, a folder of save_pretrained, or a name")
    verb.add_argument("--image", type=Path, required=True, help="picture of the source domain")
    verb.add_argument("--out", type=Path, required=True, help="PNG to write")
    _add_size(verb)
    verb.set_defaults(call=translate)


def _add_size(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--height", type=whole(*SIDES), help="height to work at (default: the run's)")
    verb.add_argument("--width", type=whole(*SIDES), help="width to work at (default: the run's)")


def _add_data(verb: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(dest="action", required=True)
    make = actions.add_parser("make", help="write a folder from the world")
    make.add_argument("root", type=Path)
    make.add_argument("--height", type=whole(*SIDES), default=64)
    make.add_argument("--width", type=whole(*SIDES), default=48)
    make.add_argument("--train", type=whole(0), default=1024)
    make.add_argument("--test", type=whole(0), default=64)
    make.add_argument("--cross", type=whole(0), default=0)
    make.add_argument("--seed", type=whole(0, 2**32 - 1), default=0)
    make.add_argument("--laid", choices=get_args(Laid), default="straight", help="how garments lie in their pictures")
    make.add_argument(
        "--layout", choices=get_args(FolderLayout)[1:4], default="viton_hd", help="deepfashion: pose transfer"
    )
    make.add_argument("--format", choices=("jpg", "png"), default="jpg", help="png: nothing is lost")
    make.set_defaults(call=make_data)
    check = actions.add_parser("check", help="report every problem of a folder")
    check.add_argument("root", type=Path)
    check.add_argument("--layout", choices=get_args(FolderLayout), default="auto", help="default: recognised")
    check.set_defaults(call=check_data)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status: 2 for an error, 130 when interrupted. ``VTON_TRACEBACK=1`` shows where."""
    keep_freed_memory()
    options = parser().parse_args(argv)
    try:
        options.call(options)
    except (KeyboardInterrupt, Exception) as error:
        return report(error)
    return 0
