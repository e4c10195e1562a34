"""What a flow is worth that looks at nothing: each person pixel takes the garment pixel at its own place."""

from __future__ import annotations

import torch

from vtonlib.attention import Grid
from vtonlib.config import DataConfig, Laid
from vtonlib.data.world import World
from vtonlib.evaluation import correspondence_scores
from vtonlib.evaluation.baselines import copy_flow, uniform_flow
from vtonlib.evaluation.evaluate import COVERAGE, EPE, PCK, SWAP

EXAMPLES = 48
TOKENS = Grid(16, 12)


def scores(seed: int, laid: Laid) -> tuple[dict[str, float], dict[str, float]]:
    """Means of every measure over the first test examples, of copy and of uniform, at 64x48 pixels."""
    batch = World(DataConfig(seed=seed, laid=laid)).paired("test", torch.arange(EXAMPLES))
    copy, chance = (
        {name: float(values.nanmean()) for name, values in correspondence_scores(flow, batch, TOKENS).items()}
        for flow in (copy_flow(batch), uniform_flow(batch))
    )
    return copy, chance


def measure(seed: int) -> dict[str, float]:
    """Garments laid straight, and anyhow."""
    copy, chance = scores(seed, "straight")
    anyhow, anyhow_chance = scores(seed, "anyhow")
    return {
        "epe": copy[EPE],
        "chance": chance[EPE],
        "ratio": copy[EPE] / chance[EPE],
        "pck": copy[PCK],
        "swaps": copy[SWAP],
        "coverage": copy[COVERAGE],
        "anyhow": anyhow[EPE],
        "anyhow_chance": anyhow_chance[EPE],
        "anyhow_ratio": anyhow[EPE] / anyhow_chance[EPE],
        "lost": anyhow[EPE] / anyhow_chance[EPE] - copy[EPE] / chance[EPE],
    }
