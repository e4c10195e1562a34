"""One table of all methods: what each reads of the same people, at the same compute.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vtonlib.evaluation.ranking import seeds_and_people

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "one_table.json"
ROWS = ("attention", "variation", "entropy", "both", "leffa", "moved")
"""StableVITONs that were told nothing."""
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


@cache
def stored() -> dict[str, Any]:
    """What the benchmark wrote."""
    return json.loads(RESULTS.read_text(encoding="utf8"))


@cache
def people(row: str, cell: str) -> Tensor:
    """[seeds, people], logarithms of ratios; a row without training has one seed."""
    test, reading = CELLS[cell]
    runs = stored()["runs"]
    seeds = sorted(int(name.rpartition("-")[2]) for name in runs if name.rpartition("-")[0] == row)
    found = [runs[f"{row}-{seed}"] for seed in seeds] or [stored()["untrained"][row]]
    values = torch.tensor([run[test]["people"][reading] for run in found], dtype=torch.float64)
    return values.clamp_min(1e-3).log() if cell == RATIO else values


def cells(row: str, seed: int) -> dict[str, float]:
    """``ROW_CELL`` of one seed, and ``ROW_CELL_pm``, half of the 95 % interval over seeds and people; for a ratio the
    geometric mean, and the interval's half as a share of it."""
    found = {}
    for cell in CELLS:
        values, name = people(row, cell), f"{row.replace('-', '_')}_{cell}"
        mean, both = float(values[min(seed, len(values) - 1)].nanmean()), seeds_and_people(values)
        half = (both.high - both.low) / 2
        found[name] = math.exp(mean) if cell == RATIO else mean
        found[f"{name}_pm"] = math.exp(mean) * half if cell == RATIO else half
    run = stored()["untrained"].get(row) or stored()["runs"][f"{row}-{seed}"]
    for name in ("fid", "fid_untrained"):
        found[f"{row.replace('-', '_')}_{name}"] = run["unpaired"]["all"][name]
    return found


def growth(row: str, seed: int, home: str, away: str) -> float:
    """How much larger one reading is than another."""
    before, after = (people(row, cell)[min(seed, len(people(row, cell)) - 1)].nanmean() for cell in (home, away))
    return float(after - before)


def measure(seed: int) -> dict[str, float]:
    """``ROW_CELL`` of StableVITONs that were told nothing, and ``ROW_CELL_pm``, half of the 95 % bootstrap interval
    over seeds and people. On 96 people of the test split in others' garments, laid anyhow: ``ssim`` masked SSIM,
    ``garment`` SSIM inside the garment, ``texture`` painted over true, ``colour`` error inside the garment, ``error``
    of the surest finest attention and ``best`` of the finest one that errs least, in percent of the height, ``pck`` the
    share of places within a 20th of it, ``ground`` the error of the background that has to be painted, ``kept`` of that
    which need not be, where nothing is put back. ``street_...``: people before streets, ``straight...``: garments laid
    straight, ``paired``: in their own garments. ``fid``: by the features of the world's classifier, ``fid_untrained``:
    of one that nobody trained. ``budget``: TFLOP of a row's training. ``ROW_gain``: masked SSIM over
    ``attention``; ``ROW_nearer``: by how much less ``best`` is.
    """
    found = {"budget": stored()["flops"] / 1e12}
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
