"""A trained StableVITON, asked what it uses: channels withheld, guidance, steps, starts, blending. No training.

Everything is sampled from fixed seeds and scored inside the region to paint, on test garments laid anyhow. Nothing is
withheld by zeros, which the model never saw: each withheld part is *another example's*. Written before measuring:

H1 Another garment's latents cost more masked SSIM than any other part; the dense pose costs more than the token.
H2 Another garment's token costs less than 0.02: the garment's features tell it already.
H3 Guidance by the token at scale 5 (the released validation's) does not raise masked SSIM over scale 1.
H4 More steps invent: on plain garments 20 steps paint more texture than 1 step, and masked SSIM is not higher.
H5 A start from the true person noised to the amplitude of Stable Diffusion's last step scores higher than a start from
   noise; one from another person does not.
H6 At high noise the prediction follows the garment that is given, at low noise the picture that is in the noise.
H7 What two start noises paint lies further apart after 20 steps than after 1: more steps let the start decide more.
H8 Blending the latents after each step moves masked SSIM by less than 0.01: what is kept, the network is told.

A model that was never shipped, whose attention nobody had told the truth, answered H1 to H6 before: H1 failed (pose and
agnostic picture cost more than the garment), and H5 (its start from the true person was worth nothing). H7 and H8 are
newer than that, and older than the measurement of the shipped model.

The first seed showed the shipped model still following the given garment at step 200, the lowest level asked. Then
steps 50 and 0 were added, and the arm that sees another example's noisy latents (at every step; the sampler goes on
from its own).

    python -m benchmarks.conditions [--model stableviton-tiny] [--seeds 5] [--out results.json]

Half a minute a seed on one core. Seeds that are already in the file are not repeated; a new model needs a new file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.render import render
from vtonlib.data.textures import PLAIN
from vtonlib.data.world import World
from vtonlib.diffusion import add_noise, blend, guided, multistep_noise, noise_schedule, read_prediction
from vtonlib.disk import replace_text
from vtonlib.evaluation import l1, ssim
from vtonlib.grids import masked_mean_per_sample
from vtonlib.models.autoencoder import decode, encode
from vtonlib.models.conditions import Conditions, encode_conditions

RESULTS = Path(__file__).parent / "results" / "conditions.json"
PEOPLE, FEW = 16, 4
STEPS = (1, 2, 4, 10, 20)
SCALES = (0.0, 1.0, 2.0, 5.0)
LEVELS = (999, 800, 600, 400, 200, 50, 0)
Scores = dict[str, float]


class Told(NamedTuple):
    """What a denoiser is told."""

    conditions: Conditions
    token: Tensor
    garment: Tensor


@dataclass
class Model:
    """A pipeline's networks, sampled by the closed forms of :mod:`vtonlib.diffusion`."""

    pipeline: Any

    def __post_init__(self) -> None:
        self.alpha_bars = self.pipeline.scheduler.alphas_cumprod.double()
        self.kind = self.pipeline.scheduler.config.prediction_type

    def told(self, batch: TryOnBatch) -> Told:
        """The conditions of a batch."""
        conditions = encode_conditions(self.pipeline.autoencoder, **batch.inputs)
        return Told(conditions, self.pipeline.image_encoder(conditions.garment), conditions.garment)

    def null(self, told: Told) -> Tensor:
        """The learned token for "no garment"."""
        return self.pipeline.image_encoder.learnable_vector.expand_as(told.token)

    def asks(self, told: Told, scale: float = 1.0) -> Callable[[Tensor, int], Tensor]:
        """A function from noisy latents and a time step to the predicted clean ones, guided by the token."""
        features = self.pipeline.unet.encode_garment(told.garment, told.token)

        def predict(x: Tensor, time: int) -> Tensor:
            inputs, times = told.conditions.inputs(x), torch.full((len(x),), time)
            out = self.pipeline.unet(inputs, times, told.token, features)
            if scale != 1:
                out = guided(out, self.pipeline.unet(inputs, times, self.null(told), features), scale)
            return read_prediction(out, x, float(self.alpha_bars[time]), self.kind).clean

        return predict

    def sample(
        self,
        predict: Callable,
        x: Tensor,
        *,
        steps: int = FEW,
        plms: bool = False,
        first: int = 999,
        known: Conditions | None = None,
    ) -> Tensor:
        """From ``x`` at time ``first`` to clean latents by DDIM or PLMS; ``known``: what is kept after each step."""
        start = x
        history: list[Tensor] = []
        times = [round(first - k * (first + 1) / steps) for k in range(steps)]
        levels = [float(self.alpha_bars[t]) for t in times] + [1.0]
        for t, now, then in zip(times, levels[:-1], levels[1:], strict=True):
            clean = predict(x, t)
            noise = read_prediction(clean, x, now, "sample").noise
            history.insert(0, noise)
            if plms and len(history) > 1:
                noise = multistep_noise(history)
                clean = read_prediction(noise, x, now, "epsilon").clean
            x = add_noise(clean, noise, then)
            if known is not None:
                x = blend(add_noise(known.agnostic, start, then), x, known.keep)
        return x

    def paint(self, latents: Tensor, batch: TryOnBatch) -> Tensor:
        """Decoded, with the known pixels put back."""
        return batch.agnostic + decode(self.pipeline.autoencoder, latents) * batch.agnostic_mask


def score(painted: Tensor, batch: TryOnBatch) -> float:
    """Masked SSIM."""
    return float(ssim(painted, batch.person, batch.agnostic_mask).nanmean())


def off(painted: Tensor, target: Tensor, inside: Tensor) -> float:
    """Mean absolute difference inside a region, of 255."""
    return 127.5 * float(l1(painted, target, inside).nanmean())


def plain(number: int) -> TryOnBatch:
    """The same people in garments of one plain colour."""
    world = World(DataConfig(laid="anyhow"))
    scene = world.scenes("test", torch.arange(PEOPLE) + number * PEOPLE)
    garment = replace(scene.garment, texture=torch.full_like(scene.garment.texture, PLAIN))
    return render(replace(scene, garment=garment), world.config.height, world.config.width)


def texture(image: Tensor, batch: TryOnBatch) -> float:
    """Mean absolute difference from the local mean (3 by 3) well inside the garment, of 255."""
    inside = (F.avg_pool2d(batch.flow_mask, 7, 1, 3) > 0.999).float()
    seen = inside.flatten(1).sum(1) > 0
    smooth = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return 127.5 * float(masked_mean_per_sample((image - smooth).abs(), inside)[seen].mean())


def other(x: Tensor) -> Tensor:
    """Another example's."""
    return x.roll(1, 0)


def withheld(model: Model, batch: TryOnBatch, noise: Tensor) -> Scores:
    """Masked SSIM with one part of what is told exchanged for another example's."""
    told = model.told(batch)
    c = told.conditions
    arms = {
        "all": told,
        "agnostic": told._replace(conditions=c._replace(agnostic=other(c.agnostic))),
        "mask": told._replace(conditions=c._replace(keep=other(c.keep))),
        "pose": told._replace(conditions=c._replace(dense_pose=other(c.dense_pose))),
        "token": told._replace(token=other(told.token)),
        "null": told._replace(token=model.null(told)),
        "garment": told._replace(garment=other(told.garment)),
    }
    predict = model.asks(told)
    asked = {name: model.asks(arm) for name, arm in arms.items()} | {"noisy": lambda x, t: predict(other(x), t)}
    found: Scores = {}
    for name, answers in asked.items():
        painted = model.paint(model.sample(answers, noise), batch)
        found[f"with_{name}"] = score(painted, batch)
        found[f"off_{name}"] = off(painted, batch.person, batch.flow_mask)
    own = model.paint(encode(model.pipeline.autoencoder, batch.person), batch)
    return found | {"grey": score(batch.agnostic, batch), "own": score(own, batch)}


def starts(model: Model, batch: TryOnBatch, noise: Tensor) -> Scores:
    """Masked SSIM from starts that hold a little of a person: as much as Stable Diffusion's last step leaves."""
    predict, person = model.asks(model.told(batch)), encode(model.pipeline.autoencoder, batch.person)
    released = float(noise_schedule()[-1])
    time = int((model.alpha_bars >= released).nonzero().max())
    found = {}
    for name, inside in (("leak", person), ("other", other(person))):
        x = add_noise(inside, noise, float(model.alpha_bars[time]))
        found[f"start_{name}"] = score(model.paint(model.sample(predict, x, first=time), batch), batch)
    return found


def steps_and_samplers(model: Model, batch: TryOnBatch, bare: TryOnBatch, noise: Tensor) -> Scores:
    """Masked SSIM by steps and sampler; texture on plain garments; how far two starts' pictures lie apart."""
    predict, on_plain = model.asks(model.told(batch)), model.asks(model.told(bare))
    found: Scores = {"texture_true": texture(bare.person, bare)}
    for steps in STEPS:
        first, second = (model.paint(model.sample(predict, x, steps=steps), batch) for x in (noise, other(noise)))
        found[f"steps_{steps}"] = score(first, batch)
        found[f"apart_{steps}"] = off(first, second, batch.flow_mask)
        found[f"texture_{steps}"] = texture(model.paint(model.sample(on_plain, noise, steps=steps), bare), bare)
    found["plms_10"] = score(model.paint(model.sample(predict, noise, steps=10, plms=True), batch), batch)
    return found


def scales_and_blending(model: Model, batch: TryOnBatch, noise: Tensor) -> Scores:
    """Masked SSIM by guidance and with latents blended; what blending is worth over the whole picture."""
    told, found = model.told(batch), Scores()
    for scale in SCALES:
        painted = model.paint(model.sample(model.asks(told, scale), noise), batch)
        found[f"scale_{scale:g}"] = score(painted, batch)
        found[f"colour_{scale:g}"] = off(painted, batch.person, batch.flow_mask)
    predict, decoded = model.asks(told), partial(decode, model.pipeline.autoencoder)
    raw, mixed = (decoded(model.sample(predict, noise, known=known)) for known in (None, told.conditions))
    found["latents_blended"] = score(batch.agnostic + mixed * batch.agnostic_mask, batch)
    blended = batch.agnostic + raw * batch.agnostic_mask
    whole = {"raw": raw, "latents": mixed, "blended": blended, "grey": batch.agnostic}
    return found | {f"whole_{name}": float(ssim(image, batch.person).mean()) for name, image in whole.items()}


def whom_it_follows(model: Model, number: int, noise: Tensor) -> Scores:
    """The share of people whose prediction, at each noise level, is nearer to the given garment than to the one in the
    noisy picture."""
    world, index = World(DataConfig(laid="anyhow")), torch.arange(PEOPLE) + number * PEOPLE
    worn, given = world.paired("test", index), world.unpaired("test", index)
    predict, person = model.asks(model.told(given)), encode(model.pipeline.autoencoder, worn.person)
    both, found = worn.flow_mask * given.flow_mask, {}
    for t in LEVELS:
        x = add_noise(person, noise, float(model.alpha_bars[t]))
        guess = decode(model.pipeline.autoencoder, predict(x, t))
        apart = [l1(guess, batch.person, both) for batch in (given, worn)]
        found[f"follows_{t}"] = float((apart[0] < apart[1]).float()[both.flatten(1).sum(1) > 0].mean())
    return found


@torch.no_grad()
def measure(model: Model, seed: int) -> Scores:
    """All of it for one seed: its own people and start noise."""
    batch = World(DataConfig(laid="anyhow")).paired("test", torch.arange(PEOPLE) + seed * PEOPLE)
    shape = model.told(batch).garment.shape
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return {
        **withheld(model, batch, noise),
        **starts(model, batch, noise),
        **steps_and_samplers(model, batch, plain(seed), noise),
        **scales_and_blending(model, batch, noise),
        **whom_it_follows(model, seed, noise),
    }


def main() -> None:
    """Measure what is missing and write the file anew after every seed."""
    from vtonlib import checkpoints

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="stableviton-tiny")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    runs = json.loads(options.out.read_text(encoding="utf8"))["runs"] if options.out.exists() else {}
    model = Model(checkpoints.load(options.model).to("cpu"))
    for seed in range(options.seeds):
        if str(seed) in runs:
            continue
        start = time.perf_counter()
        scores = measure(model, seed)
        runs[str(seed)] = {"seconds": round(time.perf_counter() - start, 1), **scores}
        rest = {"model": options.model, "people": PEOPLE}
        replace_text(options.out, json.dumps(rest | {"runs": runs}, indent=1) + "\n")
        print(seed, {name: round(value, 3) for name, value in scores.items()}, flush=True)


if __name__ == "__main__":
    main()
