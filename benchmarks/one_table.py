"""One table to compare them: every method of the book on the same people, for the same counted compute, judged alike.

All learn from the first 2,048 people of the training split, garments laid anyhow, at 64x48. The budget is that of 500
steps of 16 of the small StableVITON of benchmarks/shaping.py, in FLOP of forward and backward passes as torch counts
them, so that it does not depend on how busy a machine is; whoever's step costs less gets more steps. Seconds of the
processor are told beside. What is no network's work (drawing examples, encoding them) is not counted. Diffusion models
train in two parts, as their authors do: ``base``, four fifths of the budget, and a last fifth at half the rate, in
which a loss on attention is switched on or, in a control, is not.

``addition``   StableVITON, its zero cross-attentions replaced by ControlNet's feature addition: the ladder's first rung
``attention``  zero cross-attention, told nothing (control of the next four)
``variation``, ``entropy``, ``both``, ``leffa``  the same base, a loss in the last fifth, a tenth's dose
``moved``      ``attention`` with StableVITON's augmentation; ``moved-variation``: and total variation in the last fifth
``blind``      the twin whose keys see no pixel of the garment
``told``       told the true flow from its first step: the supervised bound
``pair``       Leffa's two UNets; ``pair-leffa``: and Leffa's loss in the last fifth
``stages``     VITON-HD's three networks, a quarter, a quarter and a half of the budget
``selection``  query selection (QS-Attn): translates the copy's picture, the flat garment laid over the person, into
               photographs of other dressed people. Its loss ties every place of the output to the same place of the
               input: it can blend in and recolour, and moves nothing. Places are the copy's by construction; those of
               ``addition`` by convention, for its convolutions carry features on to other places.

Not in the budget: the shipped autoencoder of all diffusion rows, many times a row's budget, which learned in part from
latents moved by the true flow; the classifier in the perceptual loss of ``stages``. What ``stages`` is told: parse
labels and the region where the garment is worn.

``attention`` to ``moved-variation`` are trainings of benchmarks/shaping.py and benchmarks/leffa.py; the others are
trained here. ``matcher``, added later, is chapter 7's, which finds
places and paints nothing: the garment is pasted. It may spend a sixteenth of the budget (five seeds). Without training:
``copy``, ``masks`` (agnostic and garment mask laid over each other), ``uniform``, ``joints`` (a thin plate through the
joints on which the garment is worn, told their true places; added later), ``truth`` (the garment through the true
flow), all pasted. Places of a diffusion model are
the centres of the finest attention of least entropy, which is chosen without the truth (``error``); ``best`` is the
error of the finest attention that errs least, as the chapters before read it (added when the first run with entropy had
been measured, whose surest attention was the worse one). Pictures are painted in one step; the agnostic picture's
pixels outside of the mask are kept, but for ``kept``, which asks what the network itself makes of them. Written before
measuring (chapters 5, 11 and 12 had measured C3 and a part of C5 by other readings):

C1 Ladder, places: ``attention`` errs less than ``addition``, and less than ``blind``, in every seed.
C2 ``told`` errs least of all that is trained and paints best (masked SSIM): what is missing is places.
C3 The losses of the last fifth do not buy pictures: none of the four changes masked SSIM by more than 0.02.
C4 Augmentation lowers the error of places laid anyhow, beyond what ``attention`` has at the same budget.
C5 ``stages`` err less in places than ``attention``, and paint worse (masked SSIM); their texture is nearer to the
   truth's: a spline knows little, and a GAN is not rewarded for blur.
C6 "GANs lose complex backgrounds": from studio to street the error of background that has to be painted grows more for
   ``stages`` than for ``attention``, and so does that of pixels a network could have left as they were (``kept``).
C7 ``selection`` keeps the copy's texture and gains no masked SSIM over the copy, beyond what lies around the garment.
C8 Rankings disagree: over the trained rows the rank correlation of masked SSIM with places is below 0.7.
C9 The pair, which must find places through an attention that begins on its own keys, does not find them within this
   budget: it errs more than three quarters of what ``uniform`` does, and Leffa's loss changes that by less than 1/20.
C10 (written before the row ``matcher`` was measured) Copying alone finds places: ``matcher`` errs less than ``masks``,
   in every seed.

Measured: three seeds, five of the matcher. Found, each asked in all four tests and of both readings of places, by
intervals over seeds and people (claims/one_table_verdicts.py): C1 holds (of ``addition`` against a constant, and not
decided on garments laid straight), C5 holds. C2 holds for places, inside the garment and against all but the pair;
against the pair masked SSIM is not decided in every test. C3 holds of Leffa's loss; of the others, all of which lower
masked SSIM, it is not decided. C4 fails by one interval of six (in their own garments, by ``best``), the others hold 0.
C6 holds in points, not as a factor. C7 fails in its first half: ``selection`` paints more texture than the copy; that
it gains no masked SSIM is not decided. C8, written on ``error``, holds by it; by ``best`` it is not decided. C9 fails:
the pair finds places as well as ``attention``; its second half holds where garments lie anyhow. C10 holds in
``unpaired`` and ``street``, else it is not decided; no attention of a painter that was told nothing errs
less than ``masks``.

    python -m benchmarks.one_table --shaped FOLDER [--models FOLDER] [--seeds 0 1 2] [--rows told ...] [--out FILE]

``--shaped`` is the ``--models`` of the other two benchmarks. A row takes some four minutes of a core that computes in
bf16. Runs that are in the file are not repeated, and what was trained is kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.ablations import EXAMPLES
from benchmarks.intact_prior import around
from benchmarks.one_table_flows import joints_flow, matched
from benchmarks.one_table_rows import OTHERS, ROWS, SHAPED, Trainings, copied, shaped_model
from vtonlib.attention import expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.source import Split
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import end_point_error, frechet_distance, kernel_distance, l1, mirror_swap_rate, pck, ssim
from vtonlib.evaluation.baselines import aligned_masks_flow, copy_flow, paste, uniform_flow
from vtonlib.evaluation.evaluate import PCK_SHARE
from vtonlib.evaluation.fabrics import COLOUR, GARMENT_SSIM, TEXTURE, garment_scores
from vtonlib.evaluation.sample_size import kernel_standard_error
from vtonlib.experiment import load_pipeline, try_on
from vtonlib.grids import resize_flow
from vtonlib.memory import keep_freed_memory
from vtonlib.models.classifier import WorldClassifier, load_classifier
from vtonlib.pipelines.alias import ALIASPipeline

RESULTS = Path(__file__).parent / "results" / "one_table.json"
TESTS: dict[str, tuple[str, Split, bool]] = {
    "unpaired": ("anyhow", "test", True),
    "paired": ("anyhow", "test", False),
    "straight": ("straight", "test", True),
    "street": ("anyhow", "cross", True),
}
"""How garments lie, whose people they are, and whether these wear others' garments; those of ``cross`` stand before
streets."""
ORDER = (
    *[r for r in SHAPED if "moved" not in r],
    "addition",
    "blind",
    "stages",
    "told",
    "pair",
    "pair-leffa",
    "selection",
)
ORDER = (*ORDER, "moved", "moved-variation")
EVERYWHERE = ("masked_ssim", "background", "kept", "error", "best")
"""Readings that are kept of every test; the others of ``unpaired`` alone."""
Worn = tuple[Tensor, Tensor, list[Tensor]]
"""The picture, what the network itself makes of all pixels, and the flows, first the one that is chosen without the
truth."""


def people(test: str) -> TryOnBatch:
    """The first people of a test."""
    laid, split, unpaired = TESTS[test]
    world = World(DataConfig(laid=laid))  # type: ignore[arg-type]
    return (world.unpaired if unpaired else world.paired)(split, torch.arange(EXAMPLES))


@torch.no_grad()
def scores(worn: Worn, batch: TryOnBatch) -> dict[str, list[float]]:
    """Every reading of every person; lengths in percent of the picture's height."""
    image, raw, flows = worn
    truth, share = (batch.flow, batch.flow_mask), 100 / batch.size[0]
    flows = [resize_flow(flow, *batch.size) for flow in flows]
    errors = [end_point_error(flow, *truth, lattice=batch.size) * share for flow in flows]
    flow = flows[0]
    garment = garment_scores(image, batch)
    ground = batch.parse[:, PARSE_LABELS.index("background"), None]
    found = {
        "masked_ssim": ssim(image, batch.person, batch.agnostic_mask),
        "garment_ssim": garment[GARMENT_SSIM],
        "texture": garment[TEXTURE],
        "colour": garment[COLOUR],
        "around": l1(image, batch.person, around(batch)),
        "background": l1(image, batch.person, ground * batch.agnostic_mask),
        "kept": l1(raw, batch.person, ground * (1 - batch.agnostic_mask)),
        "error": errors[0],
        "best": min(errors, key=lambda each: float(each.nanmean())),
        "pck": pck(flow, *truth, [PCK_SHARE * max(batch.size)], lattice=batch.size)[:, 0],
        "swaps": mirror_swap_rate(flow, *truth),
    }
    return {name: [round(value, 3) for value in values.tolist()] for name, values in found.items()}


@cache
def extractors() -> dict[str, WorldClassifier]:
    """The world's classifier, on whose features ALIAS's perceptual loss trains, and one that nobody trained."""
    torch.manual_seed(0)
    return {"": load_classifier(), "_untrained": WorldClassifier({}).eval()}


@torch.no_grad()
def distances(image: Tensor, batch: TryOnBatch) -> dict[str, float]:
    """FID and KID of all people together, by the features of both networks; of KID its standard error over people."""
    found = {}
    for name, network in extractors().items():
        made, real = (network.features(shown).double() for shown in (image.clamp(-1, 1), batch.person))
        found[f"fid{name}"] = frechet_distance(made, real)
        found[f"kid{name}"] = kernel_distance(made, real).mean
        found[f"kid_error{name}"] = kernel_standard_error(made, real)
    return found


@torch.no_grad()
def wear(row: str, trained: Any, batch: TryOnBatch) -> Worn:
    """What a trained row makes of people."""
    if row == "selection":
        raw = trained(copied(batch))
        return torch.lerp(batch.agnostic, raw, batch.agnostic_mask), raw, [copy_flow(batch)]
    if row == "matcher":
        image, flow = matched(trained, batch)
        return image, image, [flow]
    if row == "addition":
        made = [
            trained(**batch.inputs, num_inference_steps=1, repaint=keep, generator=torch.Generator().manual_seed(0))
            for keep in (True, False)
        ]
        return made[0].images, made[1].images, [copy_flow(batch)]
    steps: dict[str, Any] = {} if isinstance(trained, ALIASPipeline) else {"steps": 1}
    worn, raw = (try_on(trained, batch, repaint=keep, **steps) for keep in (True, False))
    finest = max((record.key.shape[2] for record in worn.attention.values()), default=0)
    others = [expected_coordinates(r) for r in worn.attention.values() if r.key.shape[2] == finest]
    return worn.image, raw.image, [worn.correspondence()[1], *others]


def untrained(batch: TryOnBatch) -> dict[str, Worn]:
    """What needs no training."""
    flows = {"copy": copy_flow(batch), "masks": aligned_masks_flow(batch), "uniform": uniform_flow(batch)}
    flows["joints"] = joints_flow(batch)
    images = {name: paste(batch, flow, batch.agnostic_mask) for name, flow in flows.items()}
    flows["truth"], images["truth"] = batch.flow, paste(batch, batch.flow, batch.flow_mask)
    return {name: (images[name], images[name], [flow]) for name, flow in flows.items()}


def judged(worn: Mapping[str, Worn], batches: Mapping[str, TryOnBatch]) -> dict[str, Any]:
    """All readings of one row on every test."""
    found = {}
    for test, batch in batches.items():
        read = scores(worn[test], batch)
        kept = read if test == "unpaired" else {name: read[name] for name in EVERYWHERE}
        found[test] = {"people": kept, "all": distances(worn[test][0], batch)}
    return found


def trained_row(row: str, seed: int, runs: Trainings, shaped: Path) -> tuple[Any, dict[str, Any]]:
    """A trained row as something that paints, and its cost by part."""
    if row in SHAPED:
        return load_pipeline(shaped_model(SHAPED[row], seed, shaped)), {}
    if row in OTHERS:
        return getattr(runs, row)(seed)
    task, cost = runs.diffusion(row, seed)
    pipeline: Any = task.eval().pipeline()  # type: ignore[attr-defined]
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, cost


def keep(file: Path, worn: Mapping[str, Worn]) -> None:
    """Pictures in bytes and flows in half precision, for the chapter's figures."""
    tensors = {}
    for test, (image, _, flows) in worn.items():
        tensors[f"{test}.image"] = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        tensors[f"{test}.flow"] = resize_flow(flows[0], 16, 12).half().contiguous()
    save_file(tensors, file)


def add_errors(
    stored: dict[str, Any],
    made: Mapping[str, Mapping[str, Worn]],
    batches: Mapping[str, TryOnBatch],
    models: Path,
) -> None:
    """Put KID's standard error into what was stored without it, where the pictures are at hand."""

    def add(run: dict[str, Any], test: str, image: Tensor) -> None:
        found = distances(image, batches[test])
        run[test]["all"] |= {name: value for name, value in found.items() if name.startswith("kid_error")}

    for row, run in stored["untrained"].items():
        for test in [test for test in TESTS if "kid_error" not in run[test]["all"]]:
            add(run, test, made[test][row][0])
    for name, run in stored["runs"].items():
        file = models / f"worn-{name}.safetensors"
        if "kid_error" not in run["unpaired"]["all"] and file.exists():
            with safe_open(file, "pt") as opened:
                for test in TESTS:
                    add(run, test, opened.get_tensor(f"{test}.image").float() / 127.5 - 1)


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shaped", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("runs/one_table"))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(3)))
    parser.add_argument("--rows", nargs="+", choices=(*SHAPED, *ROWS, *OTHERS), default=ORDER)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    runs, batches = Trainings(options.models), {test: people(test) for test in TESTS}
    stored: dict[str, Any] = {"people": EXAMPLES, "untrained": {}, "runs": {}}
    if options.out.exists():
        stored |= json.loads(options.out.read_text(encoding="utf8"))
    made = {test: untrained(batch) for test, batch in batches.items()}
    for row in made["unpaired"].keys() - stored["untrained"].keys():
        stored["untrained"][row] = judged({test: made[test][row] for test in TESTS}, batches)
    add_errors(stored, made, batches, options.models)
    replace_text(options.out, json.dumps(stored, separators=(",", ":")) + "\n")
    for seed in options.seeds:
        for row in options.rows:
            if (name := f"{row}-{seed}") in stored["runs"]:
                continue
            trained, cost = trained_row(row, seed, runs, options.shaped)
            worn = {test: wear(row, trained, batch) for test, batch in batches.items()}
            keep(options.models / f"worn-{name}.safetensors", worn)
            stored["runs"][name] = {"cost": cost, **judged(worn, batches)}
            stored["flops"] = runs.budget
            replace_text(options.out, json.dumps(stored, separators=(",", ":")) + "\n")
            means = {
                k: round(torch.tensor(v).nanmean().item(), 4)
                for k, v in stored["runs"][name]["unpaired"]["people"].items()
            }
            print(name, means, flush=True)


if __name__ == "__main__":
    main()
