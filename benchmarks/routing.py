"""What routing does to patches: how far they see, how alike they become, and what PatchNCE then asks of a translation.

Features and people as in selection.py: raw *pixels*, and the fifth block of a translator that is *untrained*, *trained*
by PatchNCE alone on random patches, or *trained_global* on QS-Attn's. Nothing is translated here: the loss is asked
about pictures of which is known what they keep of the source. *same* is the source itself, *striped* the person in
stripes of the same colour (what a translation should do), *shifted* the source moved by one patch, *other* another
person. Rules are those of query selection with 48 patches, and ``own``: both operations, but each picture read through
its own attention. Written before measuring:

R1 One attention for both pictures aligns them: *striped* costs less under ``global`` than under ``own``, every seed.
R2 Routing blurs places: what *shifted* costs more than *same* is less under ``routing_only`` than under ``cut``.
R3 Selection alone changes what *striped* costs more than *same* by more than routing alone does: it asks elsewhere.
R4 Routed patches see farther: the reach of the gradient grows, under global routing by more than under windows of 7.
R5 Global routing smooths with many patches: of *trained*, the mean cosine of routed patches is above that of unrouted
   ones, and rises by more than 0.02 from 192 to 3,072 patches of the same people.
R6 Windows do not: under local routing it rises by less than 0.02.
R7 Where nearly all patches are read alike (features of length one) nothing of their differences is left: less than a
   tenth of the variance.

A first look at one untrained translator showed rows of raw dot products that see hardly more than their own patch. So
``sharp`` was added before anything else was measured: features of length one at PatchNCE's temperature, 0.07.

Added after the first three seeds, to explain them: ``_self``, the share of rows whose strongest key is their own patch,
and ``_distinct``, how many of the 48 rows' strongest keys are different ones, as a share.

Found: R1 and R2 hold. R3 fails: routing changes more. R4 holds for *trained* and for pixels, not untrained, where a row
sees its own patch alone. R5 fails: routed patches are as alike as unrouted ones, and both become more so in larger
pictures. R6 fails in the same way. R7 holds on average. What routing does instead: raw products are largest with long
features, so after training most rows look at a few long patches and not at their own, and of the source itself only a
third of the routed patches can be told from each other. Between features of length one every row finds itself.

``subset`` leaves the picture as it is, 256x192, and lets rows see n of its patches, so that nothing but their number
changes.

    python -m benchmarks.routing [--seeds 5] [--kept runs/selection] [--out results.json]

A seed takes half a minute on one core where selection.py has kept its translators. Runs in the file are not repeated.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.selection_pictures import (
    BY_RULE,
    COUNT,
    PATCH,
    SIZE,
    Features,
    Net,
    Pictures,
    pictures,
    raw_patches,
    trained,
)
from benchmarks.stored import Scores, complete
from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.query_selection import RULES, QuerySelection, row_entropy
from vtonlib.evaluation.receptive_field import effective_patches, field_reach, receptive_field
from vtonlib.evaluation.selection import mean_cosine
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.memory import keep_freed_memory
from vtonlib.models.translator import TAPS

RESULTS = Path(__file__).parent / "results" / "routing.json"
PEOPLE, FEWER, PLACES, TIMES = 64, 16, 4, (1, 2, 4)
ASKED = {name: replace(rule, count=COUNT) for name, rule in RULES.items()}
ASKED["own"] = replace(ASKED["global"], shared=False)
SHARP: dict[str, Any] = {"unit": True, "scale": 1 / 0.07}
ASKED |= {f"sharp_{name}": replace(ASKED[name], **SHARP) for name in ("global", "routing_only", "own")}
READ: dict[str, QuerySelection] = {
    "none": QuerySelection(select="random", route="none"),
    "global": QuerySelection(select="random"),
    "local": QuerySelection(select="random", route="local"),
    "narrow": QuerySelection(select="random", route="local", window=3),
    "unit": QuerySelection(select="random", unit=True),
    "sharp": QuerySelection(select="random", **SHARP),
}
TRAINED = {"trained": "cut", "trained_global": "global"}
"""By which rule."""


@torch.no_grad()
def asked(net: Net, seed: int) -> Scores:
    """What PatchNCE says of pictures, rule by rule, in nats; ``_told`` is the share of patches told right."""
    shown = pictures("test", seed * PEOPLE, PEOPLE)
    made = {
        "same": shown.plain,
        "striped": shown.striped,
        "shifted": shown.plain.roll(PATCH, -1),
        "other": shown.plain.roll(1, 0),
    }
    source = net.translator.features(shown.plain, BY_RULE)
    found: Scores = {}
    for kind, images in made.items():
        maps = net.translator.features(images, BY_RULE)
        for name, rule in ASKED.items():
            losses, told = [], []
            for tap in BY_RULE:
                pairs = rule.pair(source[tap], maps[tap], generator=torch.Generator().manual_seed(seed))
                project = net.projector.layers[TAPS.index(tap)]
                query, key = (F.normalize(project(part), dim=-1) for part in (pairs.translation, pairs.source))
                losses.append(patch_nce(query, key).mean())
                told.append(((query @ key.mT).argmax(-1) == torch.arange(COUNT)).double().mean())
            found[f"{name}_{kind}"] = float(sum(losses)) / len(losses)
            found[f"{name}_{kind}_told"] = float(sum(told)) / len(told)
    return found


def fields(features: Features, shown: Pictures, seed: int) -> Scores:
    """How far patches see that are read by each rule: effective number of patches, and reach in patches."""
    images, (height, width) = shown.plain[:FEWER], (side // PATCH for side in SIZE)
    ids = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))[:PLACES].expand(FEWER, -1)
    found: Scores = {}
    for name, rule in READ.items():

        def read(pixels: Tensor, rule: QuerySelection = rule) -> Tensor:
            maps = features(pixels)
            return rule.read(maps, maps, ids).source

        numbers, reaches = [], []
        for place in range(PLACES):
            draw = torch.Generator().manual_seed(place)
            field = receptive_field(read, images, place, probes=2, generator=draw)
            numbers.append(effective_patches(field, height, width).mean())
            reaches.append(field_reach(field, int(ids[0, place]), height, width).mean())
        found |= {f"{name}_patches": float(sum(numbers)) / PLACES, f"{name}_reach": float(sum(reaches)) / PLACES}
    return found


def variance(patches: Tensor) -> float:
    """The mean over images of the variance of patches about their mean, all channels together."""
    return float(patches.var(1, correction=0).sum(-1).mean())


def hubs(name: str, record: AttentionRecord, own: Tensor) -> Scores:
    """Whether rows look at their own patch, and how many look at the same one."""
    strongest = record.weights()[:, 0].argmax(-1)
    distinct = sum(len(row.unique()) for row in strongest) / strongest.numel()
    return {f"{name}_self": float((strongest == own).double().mean()), f"{name}_distinct": distinct}


def likeness(name: str, routed: Tensor, plain: Tensor, record: AttentionRecord | None) -> Scores:
    """How alike patches are, what is left of their variance, and how many keys their rows look at."""
    found = {f"{name}_similarity": float(mean_cosine(routed).mean())}
    found[f"{name}_kept"] = variance(routed) / variance(plain)
    return found if record is None else found | {f"{name}_keys": float(row_entropy(record).exp().mean())}


@torch.no_grad()
def smoothing(features: Features, seed: int) -> Scores:
    """The same people in ever larger pictures, and in the largest one with ever more keys."""
    found: Scores = {}
    for times in TIMES:
        height, width = (side * times for side in SIZE)
        maps = features(pictures("test", seed * PEOPLE, FEWER, size=(height, width)).plain)
        patches = maps.shape[-2:].numel()
        draw = torch.Generator().manual_seed(seed)
        ids = READ["none"].choose(maps, generator=draw)[:, :COUNT]
        plain = READ["none"].read(maps, maps, ids).source
        for name, rule in READ.items():
            routed = rule.read(maps, maps, ids).source
            record = rule.attention(maps, ids)
            found |= likeness(f"{name}_{patches}", routed, plain, record)
            if record is not None and rule.route == "global":
                found |= hubs(f"{name}_{patches}", record, ids)
    return found | subsets(maps, seed)


def subsets(maps: Tensor, seed: int) -> Scores:
    """The largest map, with n of its patches as keys; the selected ones are always among them."""
    found: Scores = {}
    tokens = maps.flatten(2).mT
    order = torch.randperm(tokens.shape[1], generator=torch.Generator().manual_seed(seed))
    for times in TIMES:
        count = tokens.shape[1] * times**2 // TIMES[-1] ** 2
        keys = tokens[:, order[:count]][:, None]
        plain = keys[:, 0, :COUNT]
        record = AttentionRecord(keys[:, :, :COUNT], keys, 1.0, Grid(COUNT, 1), (Grid(count, 1),))
        found |= likeness(f"subset_{count}", record.read(keys)[:, 0], plain, record)
    return found


def scores(kind: str, seed: int, kept: Path | None) -> Scores:
    """Everything that is measured of one kind of features on one group of people."""
    features, found = raw_patches, {}
    if kind != "pixels":
        net = Net(seed) if kind == "untrained" else trained(TRAINED[kind], seed, kept)
        features, found = net.features("block_4"), asked(net, seed)
    return found | fields(features, pictures("test", seed * PEOPLE, FEWER), seed) | smoothing(features, seed)


def main() -> None:
    """Measure what is missing and write the file anew after every run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kept", type=Path, help="folder of the trained translators")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    wanted = {
        f"{kind}-{seed}": partial(scores, kind, seed, options.kept)
        for seed in range(options.seeds)
        for kind in ("pixels", "untrained", *TRAINED)
    }
    complete(options.out, {"people": PEOPLE, "count": COUNT}, wanted)


if __name__ == "__main__":
    main()
