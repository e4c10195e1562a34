"""The one table's hypotheses by one rule: each asked in every test that has its reading, by intervals of differences.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from claims.one_table import runs
from vtonlib.evaluation.ranking import seeds_and_people

ANYHOW, ALL = ("unpaired", "paired", "street"), ("unpaired", "paired", "straight", "street")
LIKENESS, GARMENT, PLACES = ("masked_ssim",), ("garment_ssim",), ("error", "best")
LOSSES = ("variation", "entropy", "both", "leffa")
PAIRS = ("pair", "pair-leffa")
FLAT = ("stages", "attention", "addition", "told", "matcher")
OTHERS = ("attention", *LOSSES, "moved", "moved-variation", "addition", "blind", "stages", "selection")


class Part(NamedTuple):
    """One part of a hypothesis: a row less a share of each of others."""

    row: str
    over: tuple[str, ...]
    readings: tuple[str, ...]
    tests: tuple[str, ...] = ALL
    share: float = 1.0


PARTS = {
    "c1_copy": Part("attention", ("addition",), PLACES),
    "c1_copy_anyhow": Part("attention", ("addition",), PLACES, ANYHOW),
    "c1_blind": Part("attention", ("blind",), PLACES),
    "c2_places": Part("told", (*OTHERS, *PAIRS, "matcher"), PLACES),
    "c2_likeness": Part("told", OTHERS, LIKENESS),
    "c2_pair": Part("told", PAIRS, LIKENESS),
    "c2_garment": Part("told", (*OTHERS, *PAIRS), GARMENT, ("unpaired",)),
    **{f"c3_{loss}": Part(loss, ("attention",), LIKENESS) for loss in LOSSES},
    "c3_both_own": Part("both", ("attention",), LIKENESS, ("paired",)),
    "c4": Part("moved", ("attention",), PLACES, ANYHOW),
    "c4_own": Part("moved", ("attention",), ("best",), ("paired",)),
    "c5_places": Part("stages", ("attention",), PLACES),
    "c5_likeness": Part("stages", ("attention",), LIKENESS),
    "c7_likeness": Part("selection", ("copy",), LIKENESS),
    "c7_garment": Part("selection", ("copy",), GARMENT, ("unpaired",)),
    "c9_share": Part("pair", ("uniform",), PLACES, share=0.75),
    "c9_more": Part("pair-leffa", ("pair",), PLACES, share=1.05),
    "c9_more_anyhow": Part("pair-leffa", ("pair",), PLACES, ANYHOW, share=1.05),
    "c9_less": Part("pair-leffa", ("pair",), PLACES, share=0.95),
    "c10": Part("matcher", ("masks",), ("best",)),
    "c10_others": Part("matcher", ("masks",), ("best",), ("unpaired", "street")),
    **{f"flat_{row}": Part(row, ("uniform",), GARMENT, ("unpaired",)) for row in FLAT},
}


def seeds() -> list[int]:
    """All trainings are drawn anew together: one measurement."""
    return [0]


def read(row: str, test: str, reading: str) -> Tensor:
    """[seeds, people]; what was not trained has one seed."""
    return torch.tensor([run[test]["people"][reading] for run in runs(row)], dtype=torch.float64)


def differences(part: Part) -> list[Tensor]:
    """[seeds, people] for each of the others, each test and each reading; of more seeds the first that both have."""
    found = []
    for over in part.over:
        for test in part.tests:
            for reading in part.readings:
                ours, theirs = read(part.row, test, reading), read(over, test, reading)
                both = min((len(runs(row)) for row in (part.row, over) if len(runs(row)) > 1), default=1)
                found.append(ours[:both] - part.share * theirs[:both])
    return found


def texture(row: str) -> Tensor:
    """[seeds, people], logarithms of painted over true."""
    return read(row, "unpaired", "texture").clamp_min(1e-3).log()


def growth(reading: str) -> Tensor:
    """[seeds, people]: by how much more the three stages' error grows before streets than attention's."""
    street, studio = (read("stages", t, reading) - read("attention", t, reading) for t in ("street", "unpaired"))
    return street - studio


def measure(seed: int) -> dict[str, float]:
    """``PART_low`` and ``PART_high``: the outermost ends of the 95 % bootstrap intervals over seeds and people of all
    differences that a part of a hypothesis asks about: in every test, and of places by both readings, ``error`` of the
    surest finest attention and ``best`` of the one that errs least. Both are negative where the row errs less, or is
    less like the truth, for certain; the part is undecided where 0, or its bound, lies between some interval's ends.
    ``..._anyhow``: garments laid anyhow; ``..._own``: in their own garments, places by ``best``. ``c9_share``: less
    three quarters of what uniform attention errs; ``c9_more``, ``c9_less``: less 1.05 and 0.95 times the other.
    ``c5_texture``: how far from 1, as a logarithm; ``c7_texture``: a factor over the copy's. ``flat_ROW``: SSIM inside
    the garment over that of one flat colour, ``uniform``.
    """
    asked = {name: differences(part) for name, part in PARTS.items()}
    asked["c5_texture"] = [texture("stages").abs() - texture("attention").abs()]
    asked["c7_texture"] = [texture("selection") - texture("copy")]
    asked |= {"c6_ground": [growth("background")], "c6_kept": [growth("kept")]}
    found = {}
    for name, values in asked.items():
        ends = [seeds_and_people(each) for each in values]
        low, high = min(end.low for end in ends), max(end.high for end in ends)
        if name == "c7_texture":
            low, high = torch.tensor([low, high]).exp().tolist()
        found |= {f"{name}_low": low, f"{name}_high": high}
    return found
