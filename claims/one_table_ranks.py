"""Do pictures and places order the methods alike? Rank correlations over the rows of the one table.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import torch

from claims import stored
from claims.one_table import BENCHMARK, people, runs
from vtonlib.evaluation.ranking import discordant_pairs, draws, rank_correlation

PAIRS = {
    "ssim_best": ("ssim", "best"),
    "ssim_error": ("ssim", "error"),
    "texture_best": ("texture", "best"),
    "ground_best": ("ground", "best"),
    "ssim_texture": ("ssim", "texture"),
    "ssim_street": ("ssim", "street_ssim"),
    "ssim_paired": ("ssim", "paired"),
}
LOWER = {"best", "error", "ground"}
RESAMPLES = 400


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


def measure(seed: int) -> dict[str, float]:
    """``A_B``: Spearman's rank correlation of two readings over all trained rows, each turned so that more is better,
    and its 95 % bootstrap interval ``A_B_low``, ``A_B_high`` (seeds and people drawn anew, the same people for every
    row; rows are not: the correlation is of these methods). Readings as in claims/one_table.py. ``fid_...``,
    ``fid_untrained_...``: of the distance of all pictures together, without an interval. ``disorder``: the share of
    pairs of rows that masked SSIM and places order differently; ``rows``: how many there are.
    """
    rows, found = trained(), {"rows": float(len(trained()))}
    cells = sorted({cell for pair in PAIRS.values() for cell in pair})
    which = {row: draws(len(people(row, "ssim")), 1, RESAMPLES, seed=k)[0] for k, row in enumerate(rows)}
    who = draws(1, people(rows[0], "ssim").shape[1], RESAMPLES)[1]
    point = {c: merit(c, torch.stack([people(row, c).nanmean() for row in rows])) for c in cells}
    drawn = {}
    for c in cells:
        means = [people(row, c)[which[row][:, :, None], who[:, None, :]].flatten(1).nanmean(1) for row in rows]
        drawn[c] = merit(c, torch.stack(means, dim=-1))
    for name, (a, b) in PAIRS.items():
        found[name] = float(rank_correlation(point[a], point[b]))
        ends = rank_correlation(drawn[a], drawn[b]).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
        found[f"{name}_low"], found[f"{name}_high"] = ends.tolist()
    sets = {name: -torch.tensor([distance(row, name) for row in rows]).double() for name in ("fid", "fid_untrained")}
    for name, values in sets.items():
        found |= {f"{name}_{other}": float(rank_correlation(values, point[other])) for other in ("ssim", "best")}
    pairs = len(rows) * (len(rows) - 1) / 2
    found["disorder"] = len(discordant_pairs(point["ssim"], point["best"])) / pairs
    return found
