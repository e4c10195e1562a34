"""Do pictures and places order the methods alike? Rank correlations over the rows of the one table.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import torch

from claims import stored
from claims.one_table import BENCHMARK, CELLS, people, runs
from claims.one_table_verdicts import read
from vtonlib.evaluation.ranking import discordant_pairs, draws, rank_correlation

PAIRS = {
    "ssim_best": ("ssim", "best"),
    "ssim_error": ("ssim", "error"),
    "garment_best": ("garment", "best"),
    "garment_error": ("garment", "error"),
    "texture_best": ("texture", "best"),
    "ground_best": ("ground", "best"),
    "ssim_texture": ("ssim", "texture"),
    "ssim_street": ("ssim", "street_ssim"),
    "ssim_paired": ("ssim", "paired"),
}
LOWER = {"best", "error", "ground"}
RESAMPLES = 1000
PEOPLE = 96


def trained() -> list[str]:
    """All rows that were trained and paint."""
    return sorted({name.rpartition("-")[0] for name in stored.results(BENCHMARK)["runs"]} - {"matcher"})


def merit(cell: str, means: torch.Tensor) -> torch.Tensor:
    """Turned so that more is better: errors change their sign, and of texture it is how near to 1 it is."""
    return -means.abs() if cell == "texture" else -means if cell in LOWER else means


def distance(row: str, name: str) -> float:
    """A distance of sets, the mean over seeds."""
    found = [run["unpaired"]["all"][name] for run in runs(row)]
    return sum(found) / len(found)


def merits(rows: list[str], cell: str, test: str = "unpaired") -> torch.Tensor:
    """[1 + RESAMPLES, rows]: of all seeds and people, then of those drawn anew, the same people for every row."""
    who, found = draws(1, PEOPLE, RESAMPLES)[1], []
    for number, row in enumerate(rows):
        values = people(row, cell) if test == "unpaired" else read(row, test, CELLS[cell][1])
        which = draws(len(values), 1, RESAMPLES, seed=number)[0]
        drawn = values[which[:, :, None], who[:, None, :]].flatten(1).nanmean(1)
        found.append(torch.cat([values.nanmean()[None], drawn]))
    return merit(cell, torch.stack(found, dim=-1))


def agreement(name: str, a: torch.Tensor, b: torch.Tensor) -> dict[str, float]:
    """The rank correlation of two readings' merits, and the ends of its interval."""
    every = rank_correlation(a, b)
    low, high = every[1:].quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return {name: float(every[0]), f"{name}_low": low, f"{name}_high": high}


def measure(seed: int) -> dict[str, float]:
    """``A_B``: Spearman's rank correlation of two readings over all trained rows, each turned so that more is better,
    and its 95 % bootstrap interval ``A_B_low``, ``A_B_high`` (seeds and people drawn anew, the same people for every
    row; rows are not: the correlation is of these methods). Readings as in claims/one_table.py. ``TEST_error`` and
    ``TEST_best``: of masked SSIM with places in another test. ``fid_...``,
    ``fid_untrained_...``: of the distance of all pictures together, without an interval. ``disorder``: the share of
    pairs of rows that masked SSIM and places order differently; ``rows``: how many there are.
    """
    rows, found = trained(), {"rows": float(len(trained()))}
    for name, (a, b) in PAIRS.items():
        found |= agreement(name, merits(rows, a), merits(rows, b))
    for test in ("paired", "straight", "street"):
        for places in ("error", "best"):
            like = merits(rows, "ssim", test)
            found |= agreement(f"{test}_{places}", like, merits(rows, places, test))
    point = {cell: merits(rows, cell)[0] for cell in ("ssim", "best")}
    sets = {name: -torch.tensor([distance(row, name) for row in rows]).double() for name in ("fid", "fid_untrained")}
    for name, values in sets.items():
        found |= {f"{name}_{other}": float(rank_correlation(values, point[other])) for other in ("ssim", "best")}
    pairs = len(rows) * (len(rows) - 1) / 2
    found["disorder"] = len(discordant_pairs(point["ssim"], point["best"])) / pairs
    return found
