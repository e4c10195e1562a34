"""Which patches a translator is compared at, and through which attention: one beginning, continued under each rule.

People in plain tops are translated into people in striped ones, no pair being known; what must change is known, and no
loss reads it. For each of five seeds CUT (random patches) trains for 800 steps of 2 pictures, without the identity
loss, as FastCUT; from there everything goes on for 300 steps under each rule, CUT's included. Rules are those of query
selection (48 of 192 patches), ``own`` reads the translation through its own attention, ``official`` is local with the
windows as the released code misreads them, ``sharp`` global attention between features of length one at PatchNCE's
temperature (raw products make rows that see hardly more than their own patch, see routing.py). Written before the first
training:

T1 As the paper finds: under ``global`` pictures are nearer to the target's than under ``cut``: a smaller KID, in the
   mean over seeds and with an interval that leaves out 0.
T2 So they are under ``local_global``, which is nearer than ``global``.
T3 The rules change nothing that they should not: outside the top ``global`` errs no more than ``cut``.
T4 After training, global entropy selects patches on the top more often than by chance, for every seed of ``global``.
T5 Routing that mixes loosens the hold: outside the top ``sharp`` errs more than ``global``, for every seed.

A first design trained each rule for 600 steps from scratch. Of four such trainings one had painted no stripe: when
stripes begin differs so much between trainings that few of them say nothing of rules. So all rules of a seed share a
beginning.

Found: T1 holds, in every seed. T2 fails: windows gain nothing that is surely there, alone or with global routing. T3
holds on average. T4 holds, but the entropies of another person do as well (``other``, asked afterwards): they tell
where tops are in a picture, and those of a translator trained on random patches tell it too. T5 fails. One beginning
of five had painted no stripe; from it these rules did.

The two operations apart (``--rules selection_only routing_only own official``) were trained later, without a
hypothesis. Found: both together come nearer than selection alone in every seed, than routing alone in four of five;
neither alone is surely nearer than ``cut``. ``own`` does as well as one attention for both in two seeds and loses much
in two; from the beginning without stripes it painted none. Windows misread come nearer than windows in every seed.

Scores are of 256 people of the test split: FID and KID through the features of vtonlib-classifier, what that sees as
striped, the texture inside the top as a share of the target's, the absolute error outside of it, on background and
person, and joints that a ridge regression reads from the classifier's maps, in pixels (``pose``).

    python -m benchmarks.translation_rules [--seeds 5] [--rules cut global ...] [--kept runs/rules] [--out results.json]

A seed takes five minutes of one core. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.routing import hubs
from benchmarks.selection_pictures import BY_RULE, COUNT, on_patches
from vtonlib.attention.query_selection import RULES, QuerySelection, row_entropy
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.domains import Domains, UnpairedBatch
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import frechet_distance, kernel_distance, l1
from vtonlib.evaluation.selection import average_precision, lowest_first, score_selection
from vtonlib.evaluation.translation import translation_scores
from vtonlib.grids import to_pixels
from vtonlib.memory import keep_freed_memory
from vtonlib.models.classifier import SIZE, load_classifier
from vtonlib.models.translator import ResnetTranslator
from vtonlib.tasks.translation import TranslationConfig, TranslationTask
from vtonlib.training.trainer import Trainer, seed_everything

RESULTS = Path(__file__).parent / "results" / "translation_rules.json"
BEGINNING, STEPS, BATCH, POOL, PEOPLE, READERS = 800, 300, 2, 512, 256, 768
STRENGTH = 300.0
"""Of the ridge regression's penalty."""
ARMS = {name: replace(rule, count=COUNT) for name, rule in RULES.items()}
ARMS |= {
    "sharp": QuerySelection(unit=True, scale=1 / 0.07, count=COUNT),
    "own": replace(ARMS["global"], shared=False),
    "official": replace(ARMS["local"], official_layout=True),
}
FIRST = ("base", "cut", "global", "local", "local_global", "sharp")
Scores = dict[str, float]


def train(
    rule: QuerySelection, steps: int, seed: int, folder: Path, start: dict[str, Tensor] | None
) -> TranslationTask:
    """One training on cached pictures, from scratch or from other weights; the averaged ones lie in the folder."""
    config = TranslationConfig(channels=16, blocks=5, selection=rule, identity=0.0, contrastive=1.0)
    schedule = "constant" if start is None else "linear"
    how = TrainConfig(
        steps=steps, batch_size=BATCH, seed=seed, precision="bf16", schedule=schedule, sample_every=0, save_every=0
    )
    seed_everything(seed)
    task, pool = TranslationTask(config), pool_of_pictures()
    if start is not None:
        task.load_state_dict(start)

    def batches(first: int) -> Iterator[UnpairedBatch]:
        draw = torch.Generator().manual_seed(seed + (0 if start is None else 1000))
        for step in range(steps):
            picked = torch.randint(POOL, (BATCH,), generator=draw)
            if step >= first:
                yield pool[picked]

    Trainer(task, batches, how, folder, examples=pool[:1]).fit()
    return task


@cache
def pool_of_pictures() -> UnpairedBatch:
    return Domains(World(DataConfig())).paired("train", torch.arange(POOL))


def beginning(seed: int, kept: Path) -> dict[str, Tensor]:
    """All weights after CUT's 800 steps; ``base-SEED`` is the translator of their average."""
    file = kept / f"beginning-{seed}.safetensors"
    if not file.exists():
        with tempfile.TemporaryDirectory() as folder:
            task = train(ARMS["cut"], BEGINNING, seed, Path(folder), None)
            ResnetTranslator.from_pretrained(Path(folder) / "final" / "translator").save_pretrained(
                kept / f"base-{seed}"
            )
        save_file({name: value.contiguous() for name, value in task.state_dict().items()}, file)
    return load_file(file)


def trained(name: str, seed: int, kept: Path) -> ResnetTranslator:
    """The translator that went on under a rule; stored in ``kept``, and read from there."""
    if not (kept / f"{name}-{seed}").exists():
        start = beginning(seed, kept)
        if name != "base":
            with tempfile.TemporaryDirectory() as folder:
                train(ARMS[name], STEPS, seed, Path(folder), start)
                final = ResnetTranslator.from_pretrained(Path(folder) / "final" / "translator")
            final.save_pretrained(kept / f"{name}-{seed}")
    return ResnetTranslator.from_pretrained(kept / f"{name}-{seed}").eval()


class People(NamedTuple):
    """The test split's people, and what is known of them."""

    both: UnpairedBatch
    striped: Tensor
    joints: Tensor
    background: Tensor


@cache
def people(split: str = "test", count: int = PEOPLE) -> People:
    domains = Domains(World(DataConfig()))
    both = domains.paired(split, torch.arange(count))  # type: ignore[arg-type]
    known = domains.world.paired(split, both.index)  # type: ignore[arg-type]
    background = known.parse[:, PARSE_LABELS.index("background"), None]
    striped = domains.counterfactual(split, torch.arange(count))  # type: ignore[arg-type]
    return People(both, striped, known.keypoints, background)


@cache
def joint_reader() -> Callable[[Tensor], Tensor]:
    """A ridge regression from the classifier's maps to joints [b j 2], learned from plain and striped people."""
    shown = people("train", READERS)
    maps = torch.cat([read_maps(images) for images in (shown.both.source, shown.striped)])
    joints = torch.cat([shown.joints] * 2).flatten(1).double()
    middle = joints.nanmean(0)
    mean = maps.mean(0)
    wanted = (joints - middle).nan_to_num(0.0)
    inner = (maps - mean) @ (maps - mean).T
    weights = (maps - mean).T @ torch.linalg.solve(inner + STRENGTH * torch.eye(len(inner)).double(), wanted)
    return lambda images: ((read_maps(images) - mean) @ weights + middle).unflatten(1, (-1, 2))


def read_maps(images: Tensor) -> Tensor:
    return load_classifier().stages(images).flatten(1).double()


def joint_error(images: Tensor, joints: Tensor) -> Tensor:
    """The mean distance of joints that are read to the true ones in the picture, in pixels, [b]."""
    return to_pixels(joint_reader()(images) - joints, *SIZE).norm(dim=-1).nanmean(1)


@torch.no_grad()
def picture_scores(images: Tensor) -> Scores:
    """How near translations are to the target's pictures, and what they leave as it was."""
    shown, classifier = people(), load_classifier()
    both = shown.both
    made, real = (classifier.features(batch).double() for batch in (images, both.target))
    scores = translation_scores(images, both.source, both.source_region)
    texture = translation_scores(both.target, both.target, both.target_region)["texture"].nanmean()
    person = (1 - shown.background) * (both.source_region == 0)
    return {
        "fid": frechet_distance(made, real),
        "kid": kernel_distance(made, real).mean,
        "striped": float(classifier.shows(images, "stripes").double().mean()),
        "texture": float(scores["texture"].nanmean() / texture),
        "outside": float(scores["outside L1"].nanmean()),
        "outside_ssim": float(scores["outside SSIM"].nanmean()),
        "background": float(l1(images, both.source, shown.background).nanmean()),
        "person": float(l1(images, both.source, person).nanmean()),
        "pose": float(joint_error(images, shown.joints).nanmean()),
    }


@torch.no_grad()
def selection_scores(translator: ResnetTranslator) -> Scores:
    """Where a translator's features have low entropy, and how many keys a row of raw products sees."""
    both = people().both
    inside = on_patches(both.source_region) > 0.5
    features = translator.features(both.source, BY_RULE)
    found: Scores = {"share": float(inside.double().mean())}
    for tap, maps in features.items():
        values = {name: ARMS[name].entropy(maps) for name in ("global", "local", "sharp")}
        values |= {"other": values["global"].roll(1, 0), "place": inside.double() - inside.double().sum(0)}
        values["norm"] = -maps.flatten(2).norm(dim=1)
        for name in values:
            score = score_selection(lowest_first(values[name], COUNT), inside)
            found[f"{tap}_{name}_precision"] = float(score.precision.mean())
            found[f"{tap}_{name}_recall"] = float(score.recall.nanmean())
            found[f"{tap}_{name}_average_precision"] = float(average_precision(values[name], inside).nanmean())
        for name in ("global", "local", "local_global", "sharp"):
            ids = ARMS[name].choose(maps)
            record = ARMS[name].attention(maps, ids)
            found[f"{tap}_{name}_keys"] = float(row_entropy(record).exp().mean())  # type: ignore[arg-type]
            if ARMS[name].route == "global":
                found |= hubs(f"{tap}_{name}", record, ids)  # type: ignore[arg-type]
    return found


def references() -> dict[str, Scores]:
    """What needs no training: the sources, a true pattern, other people, the network as it starts."""
    shown = people()
    torch.manual_seed(0)
    start = TranslationTask(TranslationConfig(channels=16, blocks=5)).translator.eval()
    with torch.no_grad():
        pictures = {
            "identity": shown.both.source,
            "true": shown.striped,
            "shuffled": shown.both.source.roll(1, 0),
            "start": start(shown.both.source),
        }
    return {name: picture_scores(images) for name, images in pictures.items()}


def main() -> None:
    """Train what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--rules", nargs="+", choices=("base", *ARMS), default=FIRST)
    parser.add_argument("--kept", type=Path, default=Path("runs/rules"), help="folder for what was trained")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    stored = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {"runs": {}}
    keep_freed_memory()
    stored |= {"people": PEOPLE, "beginning": BEGINNING, "steps": STEPS, "batch": BATCH, "count": COUNT}
    stored["references"] = stored.get("references") or references()
    for seed in options.seeds:
        for name in options.rules:
            if (run := f"{name}-{seed}") in stored["runs"]:
                continue
            start = time.perf_counter()
            translator = trained(name, seed, options.kept)
            seconds = round(time.perf_counter() - start, 1)
            with torch.no_grad():
                images = translator(people().both.source)
            found = picture_scores(images) | selection_scores(translator)
            stored["runs"][run] = {"seconds": seconds} | {key: round(value, 5) for key, value in found.items()}
            print(run, {k: round(v, 4) for k, v in list(found.items())[:9]}, flush=True)
            replace_text(options.out, json.dumps(stored, indent=1) + "\n")
    print(json.dumps({"runs": len(stored["runs"])}))


if __name__ == "__main__":
    main()
