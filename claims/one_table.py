"""One table of all methods: what each reads of the same people, at the same compute.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from claims import stored
from vtonlib.evaluation.ranking import seeds_and_people

BENCHMARK = "one_table"
ROWS = ("attention", "variation", "entropy", "both", "leffa")
"""StableVITONs that were told nothing, and learned from unmoved examples."""
CELLS = {
    "ssim": ("unpaired", "masked_ssim"),
    "garment": ("unpaired", "garment_ssim"),
    "texture": ("unpaired", "texture"),
    "colour": ("unpaired", "colour"),
    "error": ("unpaired", "error"),
    "best": ("unpaired", "best"),
    "pck": ("unpaired", "pck"),
    "ground": ("unpaired", "background"),
    "street": ("street", "background"),
    "street_ssim": ("street", "masked_ssim"),
    "street_error": ("street", "best"),
    "kept": ("unpaired", "kept"),
    "street_kept": ("street", "kept"),
    "paired": ("paired", "masked_ssim"),
    "straight": ("straight", "masked_ssim"),
    "straight_error": ("straight", "best"),
}
"""Test and reading of each column."""
RATIO = "texture"
SETS = ("fid", "fid_untrained", "kid", "kid_untrained")
KID_ERRORS = {"kid_error": "kid_error", "kid_untrained_error": "kid_error_untrained"}


def seeds() -> list[int]:
    """Those of which every row is stored."""
    return stored.seeds(BENCHMARK, ROWS)


def runs(row: str) -> list[dict[str, Any]]:
    """Every seed's; a row without training has one."""
    kept = stored.results(BENCHMARK)
    trained = [kept["runs"][f"{row}-{seed}"] for seed in stored.seeds(BENCHMARK, (row,))]
    return trained or [kept["untrained"][row]]


@cache
def people(row: str, cell: str) -> Tensor:
    """[seeds, people], logarithms of ratios."""
    test, reading = CELLS[cell]
    values = torch.tensor([run[test]["people"][reading] for run in runs(row)], dtype=torch.float64)
    return values.clamp_min(1e-3).log() if cell == RATIO else values


def mean(row: str, cell: str, seed: int) -> float:
    """Of one seed, over people; what was not trained is the same for all."""
    values = people(row, cell)
    trained = f"{row}-{seed}" in stored.results(BENCHMARK)["runs"]
    return float(values[stored.seeds(BENCHMARK, (row,)).index(seed) if trained else 0].nanmean())


def cells(row: str, seed: int) -> dict[str, float]:
    """``ROW_CELL`` of one seed, and ``ROW_CELL_pm``, half of the 95 % interval over seeds and people; for a ratio the
    geometric mean, and the interval's half as a share of it. ``ROW_kid_error`` and ``ROW_kid_untrained_error``: KID's
    standard error over people, the mean of the seeds whose pictures were at hand when it was computed."""
    found, known = {}, row.replace("-", "_")
    for cell in CELLS:
        name, both = f"{known}_{cell}", seeds_and_people(people(row, cell))
        half, scale = (both.high - both.low) / 2, math.exp(mean(row, cell, seed)) if cell == RATIO else 1.0
        found[name] = scale if cell == RATIO else mean(row, cell, seed)
        found[f"{name}_pm"] = scale * half
    every = [run["unpaired"]["all"] for run in runs(row)]
    kept = stored.results(BENCHMARK)["untrained"].get(row) or stored.run(BENCHMARK, f"{row}-{seed}")
    found |= {f"{known}_{name}": kept["unpaired"]["all"][name] for name in SETS}
    for name, error in KID_ERRORS.items():
        errors = [each[error] for each in every if error in each]
        found |= {f"{known}_{name}": sum(errors) / len(errors)} if errors else {}
    return found


def growth(row: str, seed: int, home: str, away: str) -> float:
    """How much larger one reading is than another."""
    return mean(row, away, seed) - mean(row, home, seed)


def measure(seed: int) -> dict[str, float]:
    """``ROW_CELL`` of StableVITONs that were told nothing, and ``ROW_CELL_pm``, half of the 95 % bootstrap interval
    over seeds and people. On 96 people of the test split in others' garments, laid anyhow: ``ssim`` masked SSIM,
    ``garment`` SSIM inside the garment, ``texture`` painted over true, ``colour`` error inside the garment, ``error``
    of the surest finest attention and ``best`` of the finest one that errs least, in percent of the height, ``pck`` the
    share of places within a 20th of it, ``ground`` the error of the background that has to be painted, ``kept`` of that
    which need not be, where nothing is put back. ``street_...``: people before streets, ``straight...``: garments laid
    straight, ``paired``: in their own garments. ``fid``: by the features of the world's classifier, ``fid_untrained``:
    of one that nobody trained; ``kid`` and its ``kid_error`` by the first, ``kid_untrained`` and its error by the
    other. ``budget``: TFLOP of a row's training. ``ROW_gain``: masked SSIM over ``attention``;
    ``ROW_nearer``: by how much less ``best`` is.
    """
    found = {"budget": stored.results(BENCHMARK)["flops"] / 1e12}
    for row in ROWS:
        found |= cells(row, seed)
    return found | over_attention(seed, ROWS[1:])


def over_attention(seed: int, rows: tuple[str, ...]) -> dict[str, float]:
    """``ROW_gain`` and ``ROW_nearer``."""
    found, control = {}, cells("attention", seed)
    for row in rows:
        name, own = row.replace("-", "_"), cells(row, seed)
        found[f"{name}_gain"] = own[f"{name}_ssim"] - control["attention_ssim"]
        found[f"{name}_nearer"] = control["attention_best"] - own[f"{name}_best"]
    return found
