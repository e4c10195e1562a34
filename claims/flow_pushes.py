"""Which way does Leffa's loss push a look, from even attention to narrow looks, beside copying? By groups of people.

Nothing is trained. A look is even over the picture, as attention begins, or round, a known step off its true place in a
random direction. How the loss pushes it is read by :func:`~vtonlib.evaluation.tilts.tilts`, at a temperature of 1, so
that the width is the one that the loss reads. Written before measuring:

P1 From even looks Leffa's loss pushes as a coin does: 45 to 55 in 100 nearer to the truth. What a matcher copies, the
   mean of the colours, pushes two of three nearer.
P2 A look of one token that is a quarter of a token off is pushed nearer in two of three cases, and one that is three
   tokens off in no more than 55 of 100: the loss refines what is nearly right, and cannot search.
P3 The softmax over 2n keys, half of the weight on the picture's own, halves the flow: round looks about the truth
   itself are pushed outwards, away from the middle of the picture, in two of three cases.

Found: from even looks Leffa's loss does a little better than a coin, 58 in 100, and P2 holds for neither part, though
the two losses do cross: copying is the better one from afar, Leffa's where a round look is nearly right. P3 fails: a
halved flow reads another place, whose colours say little, and n keys push as many outwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.zoo import record_of_map
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import truth_on_lattice
from vtonlib.evaluation.pushes import round_looks
from vtonlib.evaluation.tilts import tilts
from vtonlib.grids import coordinate_grid, masked_mean, resize_flow, to_pixels, warp
from vtonlib.losses.flow import joined_flow, leffa, leffa_flow
from vtonlib.losses.matching import record_copying

PEOPLE, TOKENS = 64, Grid(16, 12)
WIDTHS = {"round": 2.0, "narrow": 1.0}
OFF = {"near": 0.25, "one": 1.0, "far": 3.0}
"""How far off the looks are placed, in tokens."""


def joined(weights: Tensor) -> AttentionRecord:
    """The looks with as many keys again, the picture's own, which have half of the weight in even shares."""
    own = torch.full_like(weights, 1 / TOKENS.tokens)
    record = record_of_map(torch.cat((own, weights), -1) / 2, TOKENS, Grid(2 * TOKENS.height, TOKENS.width))
    return replace(record, key_grids=(TOKENS, TOKENS))


def joined_leffa(record: AttentionRecord, reference: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Leffa's loss with the softmax over 2n keys."""
    flow = resize_flow(joined_flow(record, temperature=1.0), *target.shape[-2:])
    return masked_mean((warp(reference, flow) - target).square(), mask)


def pixels_read(record: AttentionRecord, batch: TryOnBatch) -> float:
    """At how many pixels of the garment the flow points, where the loss counts; the mean over people."""
    flow = to_pixels(resize_flow(leffa_flow(record, temperature=1.0), *batch.size), *batch.size).round()
    counted = batch.garment_region[:, 0] > 0.5
    return sum(len(one[inside].unique(dim=0)) for one, inside in zip(flow, counted, strict=True)) / len(flow)


def nearer(push: Tensor, toward: Tensor, known: Tensor) -> float:
    """The share of the queries with a known place whose look is pushed nearer to it; no push at all counts half."""
    along = (push * toward).sum(-1)[known]
    return float((along > 0).float().mean() + (along == 0).float().mean() / 2)


def centres(truth: Tensor, seed: int) -> dict[str, Tensor]:
    """Where looks are placed, in [-1, 1]."""
    draw = torch.Generator().manual_seed(seed)
    angle = torch.rand(*truth.shape[:2], generator=draw) * 2 * torch.pi
    way = torch.stack((angle.cos(), angle.sin()), -1) / to_pixels(torch.ones(2), *TOKENS)
    return {name: truth + off * way for name, off in OFF.items()}


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """``CASE_copy`` and ``CASE_warp``: the share of looks that copying and Leffa's loss push nearer to the truth; a
    coin has 0.5. Cases are ``even`` and ``WIDTH_OFF``: ``narrow`` and ``round`` of 1 and 2 tokens, ``near``, ``one``
    and ``far`` off by 1/4, 1 and 3. ``CASE_gap``: how much more copying does.

    ``even_pixels`` and ``narrow_one_pixels``: at how many pixels of the garment the flow points. ``cap``: the longest
    flow of 2n keys whose looks are one key each, as a share of n keys'. ``two_n_outward`` and ``n_outward``: the share
    of narrow looks about the truth that 2n and n keys push away from the middle of the picture.
    """
    first = seed * PEOPLE
    batch: TryOnBatch = World(DataConfig(laid="anyhow")).paired("test", torch.arange(first, first + PEOPLE))
    lattice, known = truth_on_lattice(batch.flow, batch.flow_mask, *TOKENS)
    truth, where = lattice.flatten(1, 2), known.flatten(1) > 0.5
    places = coordinate_grid(*TOKENS).flatten(0, 1)
    pictures = {"reference": batch.garment, "target": batch.person, "mask": batch.garment_region}
    losses: dict[str, Callable[[AttentionRecord], Tensor]] = {
        "copy": partial(record_copying, garment=batch.garment, person=batch.person, mask=known[:, 0:1]),
        "warp": partial(leffa, temperature=1.0, **pictures),
    }
    looks = {"even": torch.full((*truth.shape[:2], TOKENS.tokens), 1 / TOKENS.tokens)}
    for off, centre in centres(truth, seed).items():
        looks |= {f"{name}_{off}": round_looks(centre, TOKENS, width).softmax(-1) for name, width in WIDTHS.items()}
    found = dict[str, float]()
    for name, weights in looks.items():
        record, toward = record_of_map(weights, TOKENS, TOKENS), to_pixels(truth - weights @ places, *TOKENS)
        found |= {f"{name}_{kind}": nearer(tilts(record, loss), toward, where) for kind, loss in losses.items()}
        if name in ("even", "narrow_one"):
            found[f"{name}_pixels"] = pixels_read(record, batch)
    right = round_looks(truth, TOKENS, WIDTHS["narrow"]).softmax(-1)
    outward = {
        "n_outward": tilts(record_of_map(right, TOKENS, TOKENS), losses["warp"]),
        "two_n_outward": tilts(joined(right), partial(joined_leffa, **pictures)),
    }
    found |= {f"{name}_gap": found[f"{name}_copy"] - found[f"{name}_warp"] for name in looks}
    found |= {name: nearer(push, to_pixels(truth, *TOKENS), where) for name, push in outward.items()}
    corner = torch.eye(TOKENS.tokens).expand(1, -1, -1)
    return found | {"cap": float(joined_flow(joined(corner), temperature=1.0).abs().max())}
