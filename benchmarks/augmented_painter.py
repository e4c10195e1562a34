"""Does augmentation make a StableVITON look, that nobody tells where? The painter's part of benchmarks/augmentation.py.

There small matchers were trained on garments laid straight, moved or not; here the flat network of
benchmarks/intact_prior.py is, from scratch, with nothing told about places (``STEPS`` steps of 16). "Separate" is
StableVITON's augmentation: one mirror for both, own shifts and scales; each of the cached examples is drawn one
variant of, so both ways see as many pictures. Keys see the garment, or no pixel of it (the blind twin, which all else
still tells the garment: its values, its token, its short way). All are tested on the people of the matchers: garments
laid straight, the same moved, laid anyhow. All arms of a seed start from the same weights and see the same people.
Written before measuring, after the matchers:

D1 On moved garments the seeing painter that was trained on moves finds places better than its blind twin, for every
   seed.
D2 It is the moves that make it look: that difference is larger than the same of painters that were never moved.
D3 On garments laid anyhow, which no augmentation turned, the seeing painter that was trained on moves errs less than
   the one that was not, for every seed.
D4 And paints better: masked SSIM.
D5 On garments laid straight moves cost something: there it errs more.
D6 Trained on garments laid anyhow a painter has to look already: moves save it less than they save the one trained on
   straight garments (both on garments laid anyhow).

The first two runs, at a rate of 3e-3, looked nowhere: both attentions had fallen onto single wrong keys, further off
than chance. Suspected was the sharp reading of the short way, whose gradient says where to go only if a place is nearly
right already. Since then the mean alone teaches (``only_means_teach``), the rate is 2e-3, and a control ("sharp":
not moved, seeing, both readings teach, the rest as now) was added with its hypothesis:

D7 With both readings teaching, the centres err by at least a token more, for every seed.

    python -m benchmarks.augmented_painter [--seeds 0 1 2] [--laid straight] [--out results.json]

One training takes about two minutes of one core. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.ablations import references
from benchmarks.augmentation import SETTINGS, tests
from benchmarks.blind import LAID, error, map_scores, train_stable_viton, untrained
from benchmarks.intact_prior import TASK, experiment
from vtonlib.config import DataConfig
from vtonlib.data.augment import Augmentation
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import baseline_flows, ssim
from vtonlib.evaluation.baselines import CHANCE
from vtonlib.experiment import try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import ExperimentConfig
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.supervision import Supervision

RESULTS = Path(__file__).parent / "results" / "augmented_painter.json"
STEPS, RATE = 400, 2e-3
UNTOLD = replace(TASK, supervision=Supervision(), sharp_teaches=False)
HOW = {"none": Augmentation(), "separate": SETTINGS}
CONTROL = "sharp"
"""How examples of the control are moved: not at all, but both readings of the short way teach."""
SEE = ("garment", "place")
Scores = dict[str, float]


Arm = tuple[str, str, str]
"""How the garments of training lie, how they are moved, what keys see."""


def arms(laid: str) -> list[Arm]:
    """The arms that are trained on garments laid in one way; the control is laid straight."""
    control: list[Arm] = [(laid, CONTROL, "garment")] if laid == "straight" else []
    return [(laid, how, see) for how in HOW for see in SEE] + control


def opponents(batch: TryOnBatch) -> Scores:
    """What needs no training: places of a copy, of masks laid over each other, of chance; and their pictures."""
    chance = error(baseline_flows(batch)[CHANCE], batch)
    return references(batch) | untrained(batch) | {"uniform_epe": chance}


def scores(pipeline: Pipeline, batch: TryOnBatch) -> Scores:
    """Masked SSIM of pictures painted in one step, and the map that looks best of the finest two."""
    worn = try_on(pipeline, batch, steps=1)
    maps = [map_scores(record, batch) for record in worn.attention.values()]
    best = min(maps, key=lambda found: found["epe"])
    return best | {"masked_ssim": float(ssim(worn.image, batch.person, batch.agnostic_mask).nanmean())}


class Examples:
    """The latents that arms are trained on, computed once for all of them."""

    def __init__(self) -> None:
        self.autoencoder, self.made = load_autoencoder(), dict[tuple[str, str], LatentSource]()

    def latents(self, laid: str, how: str) -> LatentSource:
        """Of the first examples, moved or not."""
        if (laid, how) not in self.made:
            world = World(DataConfig(laid=laid))  # type: ignore[arg-type]
            self.made[laid, how] = LatentSource(world, self.autoencoder, UNTOLD.cached_examples, augmentation=HOW[how])
        return self.made[laid, how]


def training(arm: Arm) -> ExperimentConfig:
    """The training of one arm."""
    laid, how, see = arm
    task = replace(UNTOLD, keys_see=see, sharp_teaches=how == CONTROL)  # type: ignore[arg-type]
    config = experiment(task, STEPS, DataConfig(laid=laid))  # type: ignore[arg-type]
    return replace(config, train=replace(config.train, learning_rate=RATE))


def measure(arm: Arm, seed: int, examples: Examples, batches: dict[str, TryOnBatch]) -> dict:
    """Train one arm and test it on all kinds of garments."""
    laid, how, _ = arm
    latents = examples.latents(laid, "none" if how == CONTROL else how)
    start = time.perf_counter()
    pipeline = train_stable_viton(training(arm), seed, lambda task: latents)
    found = {name: scores(pipeline, batch) for name, batch in batches.items()}
    return {"seconds": round(time.perf_counter() - start, 1), **found}


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--laid", nargs="+", choices=LAID, default=LAID, help="how garments of training lie")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    runs = json.loads(options.out.read_text(encoding="utf8"))["runs"] if options.out.exists() else {}
    keep_freed_memory()
    batches, examples = tests(), Examples()
    rest = {"untrained": {name: opponents(batch) for name, batch in batches.items()}}
    wanted = [(seed, arm) for seed in options.seeds for laid in options.laid for arm in arms(laid)]
    for seed, arm in wanted:
        name = "-".join((*arm, str(seed)))
        if name in runs:
            continue
        runs[name] = measure(arm, seed, examples, batches)
        shown = {
            test: (round(runs[name][test]["epe"], 2), round(runs[name][test]["masked_ssim"], 3)) for test in batches
        }
        print(name, shown, flush=True)
        replace_text(options.out, json.dumps(rest | {"runs": runs}, indent=1) + "\n")
    print(json.dumps(rest | {"runs": runs}))


if __name__ == "__main__":
    main()
