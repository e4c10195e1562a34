"""What the published networks cost, counted without computing it, and what narrow ones predict of them.

Counted by benchmarks/ladder.py on the meta device; the prediction uses StableVITONs of 80 and 160 channels alone.
"""

from __future__ import annotations

from vtonlib.cost import Law
from vtonlib.ladder import Counted, counted

LARGE = 128 * 96
"""Tokens of the finest attention at 1024x768."""


def at_large(small: Counted, large: Counted) -> dict[str, float]:
    """Parameters, operations and kept bytes of one width at the large size, from two smaller sizes."""
    n, m = small.tokens, large.tokens
    rest = [found.flop.total - found.flop.attention for found in (small, large)]
    attention = Law.through((n, small.flop.attention), (m, large.flop.attention), powers=(1, 2)).at(LARGE)
    return {
        "parameters": large.parameters,
        "attention": attention,
        "rest": Law.through((n, rest[0]), (m, rest[1]), powers=(0, 1)).at(LARGE),
        "kept": Law.through((n, small.kept), (m, large.kept), powers=(0, 1)).at(LARGE),
    }


def crossing(found: Counted) -> float:
    """Tokens at which attention would take as many operations as all else."""
    return found.tokens * (found.flop.total - found.flop.attention) / found.flop.attention


def measure(seed: int) -> dict[str, float]:
    """TFLOP of a forward pass of one sample, GB that it keeps for training in 32 bits with fused attention (``_maps``:
    with explicit maps; ``_again``: blocks computed again), millions of parameters, and attention's share in percent.
    ``times_``: operations as multiples of the rung below, and of all rungs together. ``crossing_WIDTH``: tokens at
    which attention equals the rest. ``predicted``: the released StableVITON at 1024x768 from narrow ones, each
    quantity doubled in width as it doubled from 80 to 160 channels; ``off_``: by how many percent that misses the
    count. ``rule``: twice parameters times tokens, as a multiple of the count.
    """
    found = counted()
    ours, middle, wide = found["StableVITON 0"], found["StableVITON 12"], found["StableVITON 13"]
    pair, flux, sd3 = found["Leffa 12"], found["FLUX"], found["SD3"]
    narrow, double = (at_large(found[f"width {w} rows 256"], found[f"width {w} rows 512"]) for w in (80, 160))
    guess = {name: double[name] ** 2 / narrow[name] for name in narrow}
    true = {
        "parameters": wide.parameters,
        "attention": wide.flop.attention,
        "rest": wide.flop.total - wide.flop.attention,
        "kept": wide.kept,
    }
    predicted = guess["attention"] + guess["rest"]
    return {
        **{"ours_parameters": ours.parameters / 1e6, "parameters": wide.parameters / 1e6},
        **{"pair_parameters": pair.parameters / 1e6, "pose_parameters": found["pose"].parameters / 1e6},
        **{"ours": ours.flop.total / 1e9, "middle": middle.flop.total / 1e12, "wide": wide.flop.total / 1e12},
        "times_larger_pictures": times(found, 1),
        "times_wider": times(found, 6),
        "times_all": wide.flop.total / ours.flop.total,
        **{"middle_share": 100 * middle.flop.attention_share, "wide_share": 100 * wide.flop.attention_share},
        **{"pair_share": 100 * pair.flop.attention_share, "ours_large_share": share(found["StableVITON 1"])},
        **{"middle_kept": middle.kept / 1e9, "wide_kept": wide.kept / 1e9},
        **{"middle_maps": middle.kept_maps / 1e9, "wide_maps": wide.kept_maps / 1e9},
        **{"middle_again": middle.kept_recomputed / 1e9, "wide_again": wide.kept_recomputed / 1e9},
        **{f"crossing_{w}": crossing(found[f"width {w} rows 512"]) for w in (80, 160)},
        "crossing_320": crossing(wide),
        "predicted": predicted / 1e12,
        "off_flop": 100 * (predicted / wide.flop.total - 1),
        **{f"off_{name}": 100 * (guess[name] / true[name] - 1) for name in guess},
        "rule_middle": 2 * middle.parameters * middle.tokens / middle.flop.total,
        "rule_flux": 2 * flux.parameters * (flux.tokens + 512) / flux.flop.total,
        **{"flux": flux.flop.total / 1e12, "flux_share": share(flux), "flux_parameters": flux.parameters / 1e9},
        **{"sd3": sd3.flop.total / 1e12, "sd3_share": share(sd3), "flux_kept": flux.kept / 1e9},
        "sd3_parameters": sd3.parameters / 1e9,
    }


def times(found: dict[str, Counted], rung: int) -> float:
    """How many times the operations of the rung below one of StableVITON's takes."""
    return found[f"StableVITON {rung}"].flop.total / found[f"StableVITON {rung - 1}"].flop.total


def share(found: Counted) -> float:
    """Attention's part of the operations, in percent."""
    return 100 * found.flop.attention_share
