"""What total variation says of maps whose error is known: the zoo on true flows, and the shipped model's, heated.

The hypotheses were written down before the first measurement. The shipped model's attention was told the true places.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from vtonlib import checkpoints
from vtonlib.attention import AttentionRecord, AttentionTap, expected_coordinates
from vtonlib.attention.zoo import attention_zoo
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation import end_point_error, truth_on_lattice
from vtonlib.grids import coordinate_grid, to_pixels, total_variation
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation

EXAMPLES = 16
TELLING = ("garment", "agnostic", "agnostic_mask", "dense_pose")
HEAT = 4.0
TABLE = ("truth", "flip", "shuffled rows", "permutation", "one key", "uniform", "identity", "blind", "told", "hot")
KEPT = {"variation": (*TABLE, "narrow"), "error": TABLE, "entropy": ("told", "hot")}


def finest(people: TryOnBatch, seed: int) -> AttentionRecord:
    """The shipped model's finest attention, painting from pure noise in one step."""
    pipeline = checkpoints.load("stableviton-tiny").to("cpu")
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(seed)
    with AttentionTap(pipeline.unet, "warps.*.attn2.core") as tap:
        pipeline(**{n: getattr(people, n) for n in TELLING}, num_inference_steps=1, generator=noise)
    return max(tap.values(), key=lambda record: record.query_grid.tokens)


def rank_correlation(x: list[float], y: list[float]) -> float:
    """Spearman's; what differs by less than a thousandth shares a rank."""
    values = torch.tensor([x, y], dtype=torch.float64)
    apart = values[:, :, None] - values[:, None]
    ranks = (apart > 1e-3).sum(-1) + (apart.abs() <= 1e-3).sum(-1) / 2
    return float(torch.corrcoef(ranks)[0, 1])


def measure(seed: int) -> dict[str, float]:
    """Total variation in steps, entropy in nats and error in tokens by map, on one group of people.

    ``hot`` is the shipped model's map at four times its temperature; ``order`` the rank correlation of total variation
    and error over the zoo; ``mirror`` the mirrored map's total variation, as a share of the truth's; ``told_share`` the
    learned map's as a share of that of the truth's nearest keys, ``flow_share`` of that of the true flow itself.
    ``order_without`` leaves the permutation out. ``narrow`` are the shuffled rows at a quarter of their temperature,
    which makes a normal density half as wide. Permutation and shuffle are drawn anew for each group.
    """
    at = torch.arange(seed * EXAMPLES, (seed + 1) * EXAMPLES)
    people = checkpoints.source("stableviton-tiny").paired("test", at)
    told = finest(people, seed)
    truth, known = truth_on_lattice(people.flow, people.flow_mask, *told.query_grid)
    truth = torch.where(known.movedim(1, -1) > 0, truth, coordinate_grid(*told.query_grid).expand_as(truth))
    zoo = attention_zoo(truth, seed=seed)
    maps = {**zoo, "told": told, "hot": replace(told, scale=told.scale / HEAT)}
    maps["narrow"] = replace(zoo["shuffled rows"], scale=4.0)
    found: dict[str, dict[str, float]] = {"variation": {}, "error": {}, "entropy": {}}
    for name, record in maps.items():
        error = end_point_error(expected_coordinates(record), truth, known, lattice=told.key_grids[0])
        found["error"][name] = float(error.nanmean())
        found["variation"][name] = float(attention_total_variation(record, known))
        found["entropy"][name] = float(attention_entropy(record, known))
    varies, errs = found["variation"], found["error"]
    flow = float(total_variation(to_pixels(truth, *told.query_grid), known))
    kept = {f"{name.replace(' ', '_')}_{what}": found[what][name] for what, names in KEPT.items() for name in names}
    smooth = [name for name in zoo if name != "permutation"]
    return kept | {
        "order": rank_correlation([varies[name] for name in zoo], [errs[name] for name in zoo]),
        "order_without": rank_correlation([varies[name] for name in smooth], [errs[name] for name in smooth]),
        "shuffled_share": varies["shuffled rows"] / varies["truth"],
        "mirror": varies["flip"] / varies["truth"],
        "told_share": varies["told"] / varies["truth"],
        "flow_share": varies["told"] / flow,
        "hot_saves": 1 - varies["hot"] / varies["told"],
        "hot_costs": errs["hot"] - errs["told"],
    }
