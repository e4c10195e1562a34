"""What each part of a small StableVITON is worth: the whole model, and that model with one thing changed.

Every arm is trained from scratch on the same examples, by seeds, briefly (``TRAIN``), and paints people whom nobody
trained on in garments that are not their own, laid anyhow. Written before measuring:

H1 Told where to look, the model finds places better *and* paints better than the same model left to itself: masked SSIM
   of the pictures, for every seed. If not, no loss on attention can be judged by its pictures.
H2 It also paints better than its blind twin, which is told the same but whose keys see no pixel of the garment.
H3 A whole UNet that reads the garment finds places better than the paper's encoder.
H4 Without the short way over which latents are carried, what attention knows hardly reaches the pictures.
H5 Knowing the garment by its one token alone ("CLIP loses spatial detail") costs most on stripes, checks and lettering.

In all of these attention also learns from the sharp reading of the short way (``sharp_teaches``). Told nothing, it errs
by 9 to 14 pixels, where uniform attention errs by 12. So two arms were added in which only the mean teaches, which has
been the default since. Written before they were measured:

H6 What is told nothing errs less where only the mean teaches, for every seed; what is told loses nothing by it: masked
   SSIM within 0.01.
H7 Told the places it still paints better than told nothing, for every seed.

    python -m benchmarks.ablations [--seeds 5] [--arms told untold] [--out results.json]

One training takes a minute and a half on one core that computes in bf16. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.blind import error, train_stable_viton
from vtonlib.attention import expected_coordinates
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import baseline_flows, ssim
from vtonlib.evaluation.baselines import baseline_images
from vtonlib.evaluation.fabrics import GARMENT_SSIM, TEXTURE, garment_scores
from vtonlib.experiment import try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import ExperimentConfig, new_task, open_source
from vtonlib.scoring import Examples
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask
from vtonlib.tasks.supervision import Supervision
from vtonlib.training.precision import computes_in_bf16

RESULTS = Path(__file__).parent / "results"
EXAMPLES = 96
TRAIN = TrainConfig(
    steps=300,
    batch_size=16,
    learning_rate=2e-3,
    schedule="cosine",
    ema_decay=0.98,
    precision="bf16" if computes_in_bf16(torch.device("cpu")) else "no",
)
"""Of every arm. Written out here, so that a preset that learns better does not change what was measured."""
TASK = StableVITONConfig(
    block_out_channels=(32, 64, 64),
    attention_levels=(False, True, True),
    num_attention_heads=1,
    garment_network="unet",
    carries_latents=True,
    sharp_teaches=True,
    patch_size=2,
    pure_noise=0.5,
    supervision=Supervision(coordinates=1.0, rows=0.05, layers="unet.warps.[01].attn2.core"),
    denoising_steps=4,
    cached_examples=2048,
)
"""The whole model, told where to look; written out for the same reason."""
CONFIG = ExperimentConfig(preset="stableviton", size="tiny", task=TASK, data=DataConfig(laid="anyhow"), train=TRAIN)
ARMS: dict[str, Callable[[StableVITONConfig], StableVITONConfig]] = {
    "told": lambda config: config,
    "untold": lambda config: replace(config, supervision=Supervision()),
    "told-mean": lambda config: replace(config, sharp_teaches=False),
    "untold-mean": lambda config: replace(config, supervision=Supervision(), sharp_teaches=False),
    "blind": lambda config: replace(config, keys_see="place"),
    "encoder": lambda config: replace(config, garment_network="encoder"),
    "no-short-way": lambda config: replace(config, carries_latents=False),
    "token": lambda config: replace(config, trains="base", carries_latents=False, supervision=Supervision()),
}
"""What is changed in ``TASK``."""
REFERENCES = ("copy", "uniform", "agnostic")
Scores = dict[str, float]


def people(data: DataConfig = CONFIG.data) -> tuple[TryOnBatch, list[str]]:
    """The test people in others' garments, and the fabric of each garment."""
    examples = Examples("unpaired", open_source(data), "test", unpaired=True)
    parts = list(examples.batches(EXAMPLES))
    return TryOnBatch.concatenate([part for part, _ in parts]), [kind for _, names in parts for kind in names]


def references(batch: TryOnBatch) -> Scores:
    """What needs no training: the flat garment pasted, its centre's colour painted, nothing painted; and how far a
    copy and uniform attention point from the true places."""
    flows = baseline_flows(batch)
    images = baseline_images(batch, flows)
    found = {f"{n}_ssim": float(ssim(images[n], batch.person, batch.agnostic_mask).nanmean()) for n in REFERENCES}
    return found | {f"{n}_error": error(flows[n], batch, lattice=batch.size) for n in REFERENCES if n in flows}


def scores(pipeline: Pipeline, batch: TryOnBatch, kinds: list[str]) -> Scores:
    """Pictures painted in one step and in ten, and where the finest attentions look."""
    found: Scores = {}
    for steps in (1, 10):
        image = try_on(pipeline, batch, steps=steps).image
        found[f"masked_ssim_{steps}"] = float(ssim(image, batch.person, batch.agnostic_mask).nanmean())
    worn = try_on(pipeline, batch, steps=1)
    found |= {n: error(expected_coordinates(r), batch, lattice=batch.size) for n, r in worn.attention.items()}
    garment = garment_scores(worn.image, batch)
    for kind in sorted(set(kinds)):
        chosen = torch.tensor([kind == other for other in kinds])
        found[f"ssim_{kind}"] = float(garment[GARMENT_SSIM][chosen].nanmean())
        found[f"texture_{kind}"] = float(garment[TEXTURE][chosen].log().nanmean().exp())
    return found


def measure(arm: str, seed: int, latents: LatentSource, batch: TryOnBatch, kinds: list[str]) -> Scores:
    """Train one arm and score it."""
    arm_config = replace(CONFIG, task=ARMS[arm](TASK))
    return scores(train_stable_viton(arm_config, seed, lambda task: latents), batch, kinds)


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--out", type=Path, default=RESULTS / "ablations.json")
    options = parser.parse_args()
    runs = json.loads(options.out.read_text(encoding="utf8"))["runs"] if options.out.exists() else {}
    keep_freed_memory()
    batch, kinds = people()
    latents = None
    rest = {"examples": EXAMPLES, "references": references(batch)}
    for seed in range(options.seeds):
        for arm in options.arms:
            if f"{arm}-{seed}" in runs:
                continue
            if latents is None:
                task = new_task(TASK, CONFIG.data)
                assert isinstance(task, StableVITONTask)
                latents = LatentSource(World(CONFIG.data), task.autoencoder, TASK.cached_examples)
            start = time.perf_counter()
            found = measure(arm, seed, latents, batch, kinds)
            runs[f"{arm}-{seed}"] = {"seconds": round(time.perf_counter() - start, 1), **found}
            print(f"{arm}-{seed}", {name: round(value, 3) for name, value in runs[f"{arm}-{seed}"].items()}, flush=True)
            replace_text(options.out, json.dumps(rest | {"runs": runs}, indent=1) + "\n")
    print(json.dumps(rest | {"runs": runs}))


if __name__ == "__main__":
    main()
