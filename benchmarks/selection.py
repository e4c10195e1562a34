"""Does low entropy select the patches that matter? Query selection scored against a world whose truth is known.

Sources are people in plain upper garments, of which stripes would change the garment alone (selection_pictures.py).
Features: *pixels* (patches of 4x4 raw pixels), *latents* of the shipped autoencoder, the fifth block of a translator
that is *untrained*, of one trained by PatchNCE alone on random patches (*trained*) and on QS-Attn's global selection
(*trained_global*); five seeds, each with its own 64 people. Scored: the entropies of global attention, of windows of 7
(``local``) and 3 (``narrow``), of windows as the released code misreads them (``official``), of global attention
between features of length one (``unit``; ``sharp``: at PatchNCE's temperature); the length of features (``norm``);
Sobel's energy (``sobel``); shuffled entropies; the truth (``oracle``). Added when ties had been seen: global entropy in
float64 (``double``), and with the last of equals first (``last``). Added when a reader asked whether it is this garment
that is found, or where garments are: the entropies of the next person (``other``), and how often the garments of all
others are at a place (``place``). Written before measuring:

S1 The claim of the paper: low global entropy finds the garment. In *trained*, of the 48 patches (a quarter) of the
   lowest global entropy more lie on the garment than by chance, for every seed.
S2 A plain garment is a crowd of equals: with stripes the precision is higher than without, for every seed (the zebra).
S3 Low entropy means few alike, whatever they are: in a picture cut closer, which the garment fills, the precision over
   chance is smaller than in the whole one.
S4 Low entropy is a large norm: in *untrained* and *trained* the rank correlation of -entropy and length is above 0.5.
S5 With features of length one that correlation is below 0.3.
S6 An edge filter finds the garment at least as precisely as the entropy of *trained*.
S7 Entropy tells importance poorly: the rank correlation of -entropy (*trained*, global) with how much stripes would
   change a patch is below 0.3.
S8 The released layout selects other patches: less than twice as many in common with the right windows' as by chance.
S9 Controls: shuffled entropies are within 0.03 of chance, the truth has a recall of 1.

Found: S1 holds, by little, and the entropies of another person do nearly as well: what is found is where garments
are. S2 holds for latents and raw pixels and fails in *trained*. S3 holds. S4 holds for *untrained*; in *trained* it
is near a half. S5 fails. S6 fails for plain garments, which have no edges inside; for striped ones edge energy is far
ahead. S7 holds. S8 holds on average. S9 holds, but for garments of more than 48 patches. Two things were not
expected. Raw products saturate: most rows of *untrained*, and a third or more of *trained*, have less than a
millionth of a nat. In *untrained* so many are exactly 0 that the order of equals decides; in *trained* it does not.
And what low entropy means turns with the size of the products: few alike where they are large (``sharp``), many alike
where they are small (``unit``).

    python -m benchmarks.selection [--seeds 5] [--kept runs/selection] [--out results.json]

A seed takes a minute and a half on one core. Runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.selection_pictures import COUNT, Features, Net, Pictures, latent_patches, pictures, raw_patches, trained
from benchmarks.stored import Scores, complete
from vtonlib.attention.query_selection import RULES, QuerySelection
from vtonlib.evaluation.selection import average_precision, edge_energy, lowest_first, score_selection
from vtonlib.grids import resize_mask
from vtonlib.memory import keep_freed_memory

RESULTS = Path(__file__).parent / "results" / "selection.json"
PEOPLE, FEW = 64, 12
SCORED = {
    "global": RULES["global"],
    "local": RULES["local"],
    "narrow": replace(RULES["local"], window=3),
    "official": replace(RULES["local"], official_layout=True),
    "unit": QuerySelection(unit=True),
    "sharp": QuerySelection(unit=True, scale=1 / 0.07),
}
KEPT = ("share", "precision", "rank")
"""What is stored of other pictures than whole plain ones."""


def values_of(maps: Tensor, images: Tensor, garment: Tensor, seed: int) -> dict[str, Tensor]:
    """By scoring, a value for each patch [b n]; the lowest are selected."""
    found = {name: rule.entropy(maps) for name, rule in SCORED.items()}
    found["norm"] = -maps.flatten(2).norm(dim=1)
    found["sobel"] = -resize_mask(edge_energy(images), *maps.shape[-2:]).flatten(1)
    draw = torch.Generator().manual_seed(seed)
    order = torch.rand(garment.shape, generator=draw).argsort(1)
    found |= {"double": RULES["global"].entropy(maps.double()), "last": last_first(found["global"])}
    elsewhere = garment.double().sum(0) - garment.double()
    found |= {"other": found["global"].roll(1, 0), "place": -elsewhere}
    return found | {"shuffled": found["global"].gather(1, order), "oracle": -garment.float()}


def last_first(values: Tensor) -> Tensor:
    """Ranks that put the last of equals first."""
    order = values.flip(1).argsort(dim=1, stable=True)
    return torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1]).expand_as(order)).flip(1)


def mean_rank(x: Tensor, y: Tensor) -> float:
    """Spearman's correlation within an image, averaged over images; equals share a rank, and all equal count 0."""
    places = [((v[:, :, None] > v[:, None]).sum(-1) - (v[:, :, None] < v[:, None]).sum(-1)).double() for v in (x, y)]
    scale = (places[0].square().sum(1) * places[1].square().sum(1)).sqrt().clamp_min(1e-9)
    return float(((places[0] * places[1]).sum(1) / scale).mean())


def alike(images: Tensor, height: int, width: int) -> Tensor:
    """The logarithm of how many patches have nearly the same mean colour, [b n]."""
    colours = resize_mask(images, height, width).flatten(2).mT
    return (torch.cdist(colours, colours) < 0.2).sum(-1).double().log()


def placed(values: dict[str, Tensor], regions: dict[str, Tensor]) -> Scores:
    """Where the patches lie that each scoring selects."""
    found: Scores = {"share": float(regions["garment"].double().mean())}
    for name, value in values.items():
        ids = lowest_first(value, COUNT)
        score = score_selection(ids, regions["garment"])
        found |= {f"{name}_precision": float(score.precision.mean()), f"{name}_recall": float(score.recall.nanmean())}
        for region, inside in regions.items():
            few = score_selection(lowest_first(value, FEW), inside)
            found[f"{name}_on_{region}"] = float(few.precision.nan_to_num().mean())
        found[f"{name}_average_precision"] = float(average_precision(value, regions["garment"]).nanmean())
    return found


def ranked(values: dict[str, Tensor], maps: Tensor, shown: Pictures) -> Scores:
    """What goes with low entropy, and what else would have been selected."""
    found, length = {}, -values["norm"]
    goes_with = {
        "garment": shown.regions["garment"].float(),
        "texture": shown.texture,
        "change": shown.change,
        "norm": length,
        "alike": -alike(shown.plain, *maps.shape[-2:]),
    }
    for name in (*SCORED, "sobel", "norm"):
        found |= {f"{name}_{what}_rank": mean_rank(-values[name], other) for what, other in goes_with.items()}
        found[f"{name}_longest"] = shared(values[name], values["norm"])
    found["official_agrees"] = shared(values["official"], values["local"])
    normal = F.normalize(maps, dim=1).flatten(2)
    found["cosine"] = float((normal.mT @ normal).mean())
    for name in SCORED:
        found[f"{name}_entropy"] = float(values[name].mean())
        found[f"{name}_tied"] = float((values[name] < 1e-6).double().mean())
    return found


def shared(one: Tensor, other: Tensor) -> float:
    """The share of selected patches that two scorings have in common."""
    chosen = torch.zeros_like(other, dtype=torch.bool).scatter_(1, lowest_first(other, COUNT), True)
    return float(score_selection(lowest_first(one, COUNT), chosen).precision.mean())


@torch.no_grad()
def scores(features: Features, seed: int) -> Scores:
    """Everything that is measured of one kind of features on one group of people."""
    found: Scores = {"chance_recall": COUNT / (pictures("test", 0, 1).change.shape[1])}
    for prefix, closer in (("", False), ("closer_", True)):
        shown = pictures("test", seed * PEOPLE, PEOPLE, closer=closer)
        for kind, images in (("", shown.plain), ("striped_", shown.striped)):
            maps, name = features(images), prefix + kind
            values = values_of(maps, images, shown.regions["garment"], seed)
            read = placed(values, shown.regions)
            if not closer:
                read |= ranked(values, maps, replace(shown, plain=images))
            found |= {name + key: value for key, value in read.items() if not name or key.endswith(KEPT)}
    return found


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kept", type=Path, help="folder for the trained translators")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    kinds: dict[str, Callable[[int], Features]] = {
        "pixels": lambda seed: raw_patches,
        "latents": lambda seed: latent_patches,
        "untrained": lambda seed: Net(seed).features("block_4"),
        "trained": lambda seed: trained("cut", seed, options.kept).features("block_4"),
        "trained_global": lambda seed: trained("global", seed, options.kept).features("block_4"),
        "untrained_first": lambda seed: Net(seed).features("block_0"),
        "trained_first": lambda seed: trained("cut", seed, options.kept).features("block_0"),
    }
    wanted = {
        f"{kind}-{seed}": lambda features=features, seed=seed: scores(features(seed), seed)
        for seed in range(options.seeds)
        for kind, features in kinds.items()
    }
    complete(options.out, {"people": PEOPLE, "count": COUNT}, wanted)


if __name__ == "__main__":
    main()
