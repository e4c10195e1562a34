"""How far the masks alone lead: no training, no colour, no pose. World 0 holds the people of the chapter's tables.

World 0 had been measured before the bounds were set; worlds 1 to 4 are their test.
"""

from __future__ import annotations

import torch

from vtonlib.attention import Grid
from vtonlib.config import DataConfig, Laid
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error
from vtonlib.evaluation.baselines import aligned_masks_flow, cloth_centre_flow, copy_flow, uniform_flow

EXAMPLES = 96
TOKENS = Grid(16, 12)


def errors(seed: int, laid: Laid) -> dict[str, float]:
    """Mean errors in tokens over the first test examples."""
    batch = World(DataConfig(seed=seed, laid=laid)).paired("test", torch.arange(EXAMPLES))
    flows = {"aligned": aligned_masks_flow, "cloth": cloth_centre_flow, "copy": copy_flow, "uniform": uniform_flow}
    return {
        name: float(end_point_error(flow(batch), batch.flow, batch.flow_mask, lattice=TOKENS).nanmean())
        for name, flow in flows.items()
    }


def measure(seed: int) -> dict[str, float]:
    """Errors in tokens on garments laid anyhow; ``straight_`` on straight ones; ratios to the cloth's centre."""
    anyhow, straight = errors(seed, "anyhow"), errors(seed, "straight")
    return {
        **anyhow,
        **{f"straight_{name}": value for name, value in straight.items()},
        "ratio": anyhow["aligned"] / min(anyhow["cloth"], anyhow["copy"]),
        "straight_ratio": straight["aligned"] / min(straight["cloth"], straight["copy"]),
        "cloth_to_copy": anyhow["copy"] - anyhow["cloth"],
    }
