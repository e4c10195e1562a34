"""Do latents move and mix as pictures do? An autoencoder asked with the true flow, by sets of people.

A try-on model that attends in latent space takes the garment's latents, moves them, mixes them, and decodes. Here the
places are the true ones, so that whatever is lost is the latent space's fault. Written before measuring:

H1 The shipped autoencoder, trained so that moved latents decode to the moved picture, keeps most of what its plain
   reconstruction keeps: moved latents score at least 0.9 of the person's own.
H2 The one before it (four pixels a latent, no such term) does not: less than 0.8 of its own.
H3 Losing nothing does not help: pixels stacked in blocks of two (12 channels, exact) score below the shipped latents
   when moved, since the order inside of a block does not turn with the cloth.
H4 A mean of latents decodes to another colour than the mean of the pictures: the shipped autoencoder's error is above
   that of its plain reconstruction.

    python -m benchmarks.latents [--autoencoder FOLDER --name NAME] [--out results.json]

The earlier autoencoder is not shipped. To train one like it:

    python -m vtonlib train autoencoder --out FOLDER --set task.moved_share=0 "task.block_out_channels=[16,32,64]"

and give FOLDER's final weights with ``--name unmoved``. Half a minute on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.render import render
from vtonlib.data.textures import PLAIN
from vtonlib.data.world import World
from vtonlib.diffusion import blend
from vtonlib.disk import replace_text
from vtonlib.evaluation import ssim, truth_on_lattice
from vtonlib.grids import masked_mean_per_sample, warp
from vtonlib.models.autoencoder import SHIPPED, decode, encode, load_autoencoder

RESULTS = Path(__file__).parent / "results" / "latents.json"
SETS, PEOPLE = 5, 16
DATA = DataConfig(laid="anyhow")
INSIDE = 0.999
Encoder = Callable[[Tensor], Tensor]
Scores = dict[str, float]


def people(number: int, data: DataConfig = DATA) -> TryOnBatch:
    """One of the sets of test people."""
    return World(data).paired("test", torch.arange(PEOPLE) + number * PEOPLE)


def moved(latents: Tensor, batch: TryOnBatch, own: Tensor) -> Tensor:
    """The garment's latents where the true flow says, the person's ``own`` around them."""
    flow, known = truth_on_lattice(batch.flow, batch.flow_mask, *latents.shape[-2:])
    return blend(own, warp(latents, flow), 1 - known)


def moved_score(encoder: Encoder, decoder: Encoder, batch: TryOnBatch) -> float:
    """Masked SSIM where the garment's place is known, all else being true."""
    painted = decoder(moved(encoder(batch.garment), batch, encoder(batch.person)))
    return inside_score(painted, batch)


def inside_score(painted: Tensor, batch: TryOnBatch) -> float:
    """SSIM inside the visible garment of a picture whose outside is replaced by the truth."""
    painted = blend(batch.person, painted, 1 - batch.flow_mask)
    return float(ssim(painted, batch.person, batch.flow_mask).nanmean())


def stacked(block: int, batch: TryOnBatch) -> float:
    """:func:`moved_score` of pixels stacked in blocks, which is exact."""
    return moved_score(lambda x: F.pixel_unshuffle(x, block), lambda z: F.pixel_shuffle(z, block), batch)


def without_training(batch: TryOnBatch, block: int = 2) -> Scores:
    """What needs no autoencoder: pixels, blocks of pixels, mean colours and one mean colour, moved by the true flow."""
    colours = [masked_mean_per_sample(batch.person[:, c : c + 1], batch.flow_mask) for c in range(3)]
    one = torch.stack(colours, 1)[:, :, None, None].expand_as(batch.person)
    return {
        "pixels": inside_score(warp(batch.garment, batch.flow), batch),
        "blocks": stacked(block, batch),
        "large_blocks": stacked(2 * block, batch),
        "means": moved_score(
            lambda x: F.avg_pool2d(x, block), lambda z: F.interpolate(z, scale_factor=block, mode="bilinear"), batch
        ),
        "one_colour": inside_score(one, batch),
    }


def of_latents(autoencoder: AutoencoderKL, batch: TryOnBatch, number: int) -> Scores:
    """What an autoencoder keeps of people, of moved garments, and of means."""
    own = decode(autoencoder, encode(autoencoder, batch.person))
    return {
        "own": inside_score(own, batch),
        "moved": moved_score(lambda x: encode(autoencoder, x), lambda z: decode(autoencoder, z), batch),
        **mixed(autoencoder, number),
    }


def plain_pairs(number: int) -> tuple[TryOnBatch, TryOnBatch]:
    """Garments of one plain colour, and the same garments in the colour of another."""
    scene = World(DATA).scenes("test", torch.arange(PEOPLE) + number * PEOPLE)
    garment = replace(scene.garment, texture=torch.full_like(scene.garment.texture, PLAIN))
    other = replace(garment, colours=garment.colours.roll(1, 0))
    first, second = (render(replace(scene, garment=g), 64, 48) for g in (garment, other))
    return first, second


def mixed(autoencoder: AutoencoderKL, number: int) -> Scores:
    """Mean absolute colour errors inside plain garments, of 255: of a mean of two garments' latents against the mean of
    their pictures, and of plain reconstructions."""
    first, second = plain_pairs(number)
    inside = (F.avg_pool2d(first.garment_mask, 9, 1, 4) > INSIDE).float()  # away from the outline

    def off(image: Tensor, target: Tensor) -> float:
        error = masked_mean_per_sample((image - target).abs(), inside)
        return 127.5 * float(error[inside.flatten(1).sum(1) > 0].mean())

    a, b = (encode(autoencoder, batch.garment) for batch in (first, second))
    half = (first.garment + second.garment) / 2
    return {
        "mean_error": off(decode(autoencoder, (a + b) / 2), half),
        "own_error": (off(decode(autoencoder, a), first.garment) + off(decode(autoencoder, b), second.garment)) / 2,
        "apart": off(first.garment, second.garment),
    }


def main() -> None:
    """Measure one autoencoder and put it beside what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autoencoder", type=Path, default=SHIPPED)
    parser.add_argument("--name", default="shipped")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf8")) if options.out.exists() else {"runs": {}}
    autoencoder = load_autoencoder(options.autoencoder)
    start = time.perf_counter()
    sets = [people(number) for number in range(SETS)]
    found["people"] = PEOPLE
    found["untrained"] = [without_training(batch) for batch in sets]
    scores = [of_latents(autoencoder, batch, number) for number, batch in enumerate(sets)]
    found["runs"][options.name] = {"seconds": round(time.perf_counter() - start, 1), "sets": scores}
    replace_text(options.out, json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["untrained"][0]), json.dumps(scores[0]))


if __name__ == "__main__":
    main()
