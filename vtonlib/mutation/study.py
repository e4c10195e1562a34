"""Which kinds of checks see which faults: ten slips that people make, and faults drawn from all that a rule can make.

Book: sec-who-notices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import torch

from vtonlib.attention import record, tap
from vtonlib.attention.core import attend
from vtonlib.attention.read import expected_coordinates
from vtonlib.evaluation import correspondence
from vtonlib.grids import coordinate_grid, masked_mean, resize_mask, to_pixels
from vtonlib.losses.attention import coordinate_supervision
from vtonlib.losses.matching import colour_copying
from vtonlib.models.matcher import Matcher, ResidualConv, token_colours
from vtonlib.mutation.bench import Bench, footprint
from vtonlib.mutation.change import Mutant, cuts, edited, mechanical
from vtonlib.mutation.checks import CHECKS, complaints
from vtonlib.tasks.matcher import MatcherTask
from vtonlib.training.ema import EMA, ema_decay
from vtonlib.training.phase import PhaseOptimizer, learning_rate

TARGETS: tuple[Callable[..., Any], ...] = (
    *(attend, tap._record, record.AttentionRecord.read, expected_coordinates),
    *(coordinate_grid, masked_mean, resize_mask, to_pixels),
    *(Matcher.forward, Matcher._unit, ResidualConv.forward, token_colours),
    *(colour_copying, coordinate_supervision, MatcherTask.copy, MatcherTask.matcher_loss),
    *(PhaseOptimizer._gradient, PhaseOptimizer._total, PhaseOptimizer._step, EMA.update, ema_decay, learning_rate),
    *(correspondence.end_point_error, correspondence._mean_over, correspondence.truth_on_lattice),
)
"""What one batch passes through on its way from the data to the score."""

DERIVED: tuple[Callable[..., Any], ...] = (
    *(attend, record.AttentionRecord.read, expected_coordinates, masked_mean),
    *(Matcher.forward, Matcher._picture, Matcher._unit, ResidualConv.forward, token_colours),
    *(colour_copying, coordinate_supervision, MatcherTask.copy, MatcherTask.matcher_loss, PhaseOptimizer._total),
)
"""Those that gradients pass through on their way back."""


@cache
def slips() -> dict[str, Mutant]:
    """Ten slips of one line each, by name: the kind that a review lets pass."""
    kernel = "F.scaled_dot_product_attention(_widen(query, width), _widen(key, width), padded, scale=scale)"
    half = "torch.cat(((key + key.detach()) / 2, log"
    over_queries = "(scale * _widen(query, width) @ _widen(key, width).mT).softmax(-2) @ padded"
    rows: dict[str, tuple[Callable[..., Any], str, str]] = {
        "softmax over the queries": (attend, kernel, over_queries),
        "the record forgets the scale": (tap._record, "if scale is None else scale", "if scale is None else 1.0"),
        "x and y exchanged": (expected_coordinates, ".mean(1)", ".mean(1).flip(-1)"),
        "keys never see the garment": (Matcher._picture, "return garment\n", "return torch.zeros_like(garment)\n"),
        "the answer among the inputs": (MatcherTask.copy, "(batch.agnostic,", "(batch.person,"),
        "a mean over all pixels": (masked_mean, "counted(weight.sum())", "counted(torch.ones_like(weight).sum())"),
        "keys with half a gradient": (Matcher.forward, "torch.cat((key, log", half),
        "gradients never cleared": (PhaseOptimizer._step, "self.adamw.zero_grad()", "pass"),
        "an average that forgets too late": (EMA.update, "1 - ema_decay", "0.01 + 0 * ema_decay"),
        "a score over all pixels": (correspondence._mean_over, "selected.flatten(1).sum(1)", "selected[0].numel()"),
    }
    return {name: edited(name, *row) for name, row in rows.items()}


@cache
def rewrites() -> dict[str, Mutant]:
    """Six changes that break nothing: three say the same in other words, three are another choice."""
    kernel = "F.scaled_dot_product_attention(_widen(query, width), _widen(key, width), padded, scale=scale)"
    parts = "(scale * part @ _widen(key, width).mT).softmax(-1) @ padded for part in _widen(query, width).split(16, 2)"
    rows: dict[str, tuple[Callable[..., Any], str, str]] = {
        "attention some rows at a time": (attend, kernel, f"torch.cat([{parts}], 2)"),
        "a square as a product": (
            colour_copying,
            "(copied - person).square()",
            "(copied - person) * (copied - person)",
        ),
        "a distance as a root": (correspondence._distance, ".norm(dim=-1)", ".square().sum(-1).sqrt()"),
        "another activation": (ResidualConv.forward, "F.silu", "F.gelu"),
        "coordinates half as large": (
            Matcher.forward,
            "place = place.movedim(-1, 0)",
            "place = 0.5 * place.movedim(-1, 0)",
        ),
        "steps a tenth longer": (PhaseOptimizer._step, "rate * group", "1.1 * rate * group"),
    }
    return {name: edited(name, *row) for name, row in rows.items()}


@cache
def candidates() -> tuple[Mutant, ...]:
    """Every change that a rule can make in one place of the targets, always in the same order."""
    return tuple(mutant for function in TARGETS for mutant in mechanical(function))


def drawn(seed: int, count: int) -> list[Mutant]:
    """``count`` of the candidates; draws of different seeds share none, as long as there are enough."""
    order = torch.randperm(len(candidates()), generator=torch.Generator().manual_seed(16)).tolist()
    return [candidates()[k % len(order)] for k in order[seed * count : (seed + 1) * count]]


def drawn_cuts(seed: int, count: int) -> list[Mutant]:
    """``count`` of the places at which a gradient can be cut (:func:`~vtonlib.mutation.change.cuts`), as :func:`drawn`
    draws, in the functions that gradients pass through."""
    found = [mutant for function in DERIVED for mutant in cuts(function)]
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(16)).tolist()
    return [found[k] for k in order[seed * count : (seed + 1) * count]]


def is_harmless(bench: Bench, mutant: Mutant) -> bool:
    """Whether a mutant changes no bit of all that the system computes: outputs, losses, weights, scores.

    Raises:
        Exception: what the mutant raises.
    """
    sound = footprint(bench)
    with mutant.applied():
        found = footprint(bench)
    pairs = zip(sound, found, strict=True)
    return all(a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs)


def seen_share(tables: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """The share of mutants of which each kind of check complains.

    Equation: eq-seen-share. Book: sec-who-notices.

    Args:
        tables: for each mutant what each kind says (:func:`~vtonlib.mutation.checks.complaints`).

    Raises:
        ValueError: for no mutants.
    """
    if not tables:
        raise ValueError("expected at least one mutant, found none")
    return {kind: sum(bool(said[kind]) for said in tables) / len(tables) for kind in CHECKS}


def wilson(count: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """The ends of Wilson's interval of a share: the shares from which ``count`` of ``of`` would be just not surprising.

    It never leaves [0, 1], and says of 0 in 36 that it may be a tenth, where a mean and its deviation say 0 to 0.

    Raises:
        ValueError: for a count of nothing, or of more than there are.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not 0 <= count <= of or not of:
        raise ValueError(f"expected a count from 0 to {of}, of at least one, found {count}")
    z, share = NormalDist().inv_cdf((1 + level) / 2), count / of
    middle, half = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + (z / (2 * of)) ** 2)
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def table(bench: Bench, mutants: Mapping[str, Mutant]) -> dict[str, dict[str, str]]:
    """What each kind of check says of each mutant, by name."""
    return {name: complaints(bench, mutant) for name, mutant in mutants.items()}
