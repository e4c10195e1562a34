"""Which reading of the short way pushes a look nearer to the truth, before anything is learned? By groups of people.

Nothing is trained. A look is even over the picture, as attention begins, or over the cloth, or round, two tokens wide,
and off by a known step in a random direction. What it reads of the garment's latents, softly and sharply, is compared
with the person's, and :func:`~vtonlib.evaluation.pushes.reading_pushes` says which way each reading tilts it.
Hypotheses and bounds were written after a look at the first 32 people of the test split, and are measured on five
other groups; looks over
the cloth, and the rule that knows nothing but the cloth, were added after that.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import truth_on_lattice
from vtonlib.evaluation.pushes import Pushes, reading_pushes, round_looks
from vtonlib.grids import coordinate_grid, resize_mask, to_pixels
from vtonlib.models.autoencoder import encode, load_autoencoder

PEOPLE, TOKENS, WIDTH = 32, Grid(16, 12), 2.0
OFF = {"quarter": 0.25, "half": 0.5, "one": 1.0, "two": 2.0, "four": 4.0}
"""How far off the round looks are placed, in tokens, before the border of the picture holds them back."""


def looks(truth: Tensor, cloth: Tensor, seed: int) -> dict[str, Tensor]:
    """The logits of every case; ``cloth`` is the garment's mask."""
    draw = torch.Generator().manual_seed(seed)
    angle = torch.rand(*truth.shape[:2], generator=draw) * 2 * torch.pi
    way = torch.stack((angle.cos(), angle.sin()), -1) / to_pixels(torch.ones(2), *TOKENS)
    even = torch.zeros(*truth.shape[:2], TOKENS.tokens)
    covered = resize_mask(cloth, *TOKENS).clamp_min(1e-3).log().flatten(1)[:, None]
    beside = {name: round_looks(truth + off * way, TOKENS, WIDTH) for name, off in OFF.items()}
    return {"even": even, "cloth": even + covered} | beside


def nearer(push: Tensor, toward: Tensor, known: Tensor) -> float:
    """The share of the queries with a known place whose look is pushed nearer to it."""
    return float(((push * toward).sum(-1) > 0)[known].float().mean())


def loudness(pushes: Pushes, known: Tensor) -> float:
    """How many times longer the sharp reading's push is than the soft one's; medians."""
    soft, sharp = (push.norm(dim=-1)[known].median() for push in pushes)
    return float(sharp / soft)


def middle(batch: TryOnBatch) -> Tensor:
    """From the middle of the picture to that of the cloth, for every query; [b n 2] in tokens."""
    share = resize_mask(batch.garment_mask, *TOKENS).flatten(1)
    places = to_pixels(coordinate_grid(*TOKENS).flatten(0, 1), *TOKENS)
    return (share @ places / share.sum(1, keepdim=True))[:, None].expand(-1, TOKENS.tokens, -1)


def without_mean(push: Tensor, known: Tensor) -> Tensor:
    """A push without what it has in common for all known queries of a person."""
    share = known[..., None].float()
    return push - (push * share).sum(1, keepdim=True) / share.sum(1, keepdim=True).clamp_min(1)


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """``CASE_soft``, ``CASE_sharp`` and ``CASE_both``: the share of looks pushed nearer to the truth; a coin has 0.5.

    ``CASE_scaled`` is both, the sharp push made as long as the soft one by the median; ``CASE_rule`` is a control that
    reads no error and no person, always towards the middle of the cloth. The sharp push is ``CASE_louder`` times as
    long as the soft one; centres are ``CASE_off`` tokens off. ``even_gap`` and ``quarter_gap`` are differences of soft
    and sharp, ``over_rule`` of soft and the rule for even looks. ``middle_soft`` and ``middle_sharp``: the share of
    even looks pushed nearer to the middle of the cloth. ``within_soft`` and ``within_sharp``: of those pushed rightly
    when every person's mean push, and mean way, are taken off.
    """
    first = seed * PEOPLE
    batch: TryOnBatch = World(DataConfig(laid="anyhow")).paired("test", torch.arange(first, first + PEOPLE))
    coder = load_autoencoder()
    latents = [encode(coder, picture) for picture in (batch.garment, batch.person)]
    lattice, known = truth_on_lattice(batch.flow, batch.flow_mask, *TOKENS)
    truth, where = lattice.flatten(1, 2), known.flatten(1) > 0.5
    cloth, found = middle(batch), dict[str, float]()
    for name, logits in looks(truth, batch.garment_mask, seed).items():
        centres = to_pixels(logits.softmax(-1) @ coordinate_grid(*TOKENS).flatten(0, 1), *TOKENS)
        toward = to_pixels(truth, *TOKENS) - centres
        pushes = reading_pushes(logits, *latents, TOKENS)
        kinds = {"soft": pushes.soft, "sharp": pushes.sharp, "both": pushes.both}
        found |= {f"{name}_{kind}": nearer(push, toward, where) for kind, push in kinds.items()}
        found[f"{name}_scaled"] = nearer(pushes.soft + pushes.sharp / loudness(pushes, where), toward, where)
        found[f"{name}_rule"] = nearer(cloth - centres, toward, where)
        if name == "even":
            found |= {f"middle_{kind}": nearer(kinds[kind], cloth, where) for kind in ("soft", "sharp")}
            rest = {kind: without_mean(kinds[kind], where) for kind in ("soft", "sharp")}
            found |= {f"within_{kind}": nearer(push, without_mean(toward, where), where) for kind, push in rest.items()}
        found |= {f"{name}_louder": loudness(pushes, where), f"{name}_off": float(toward.norm(dim=-1)[where].mean())}
    gaps = {f"{name}_gap": found[f"{name}_soft"] - found[f"{name}_sharp"] for name in ("even", "quarter")}
    return found | gaps | {"over_rule": found["even_soft"] - found["even_rule"]}
