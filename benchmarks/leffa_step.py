"""What Leffa's loss adds to a training step of its two UNets, and what asking for the painted half alone saves.

    python -m benchmarks.leffa_step [--out leffa_step.json]

The pair of Stable Diffusion 1.5 at a quarter of its channels, heads as wide as there, on latents of 64x48: a picture of
512x384. A step is forward, backward and the update of all weights, of two samples, one of them at a noise level that
has the loss. ``leffa`` is the paper's setting: 15 of the 16 attentions, pictures in full size, a garment that covers
38 % of them; ``always`` has the loss at both noise levels; ``every_query`` is a step without the loss in which the
reference's tokens ask too, as in the released code. Every variant runs in a process of its own, so that one's peak of
memory does not hide another's, and the variants take turns, ``--rounds`` times; the least CPU time on one thread and
the least peak count. The loss and its gradient by queries and keys are timed by themselves too, which scatters less.
The stored run measured steps twice (``none``, ``leffa`` in fp32) or once, see ``runs`` there.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import Tensor

from benchmarks.attention import clock
from benchmarks.steps import in_a_fresh_process, in_turns, measure_steps
from vtonlib.attention import AttentionTap
from vtonlib.disk import replace_text
from vtonlib.models.leffa import LeffaUNet
from vtonlib.tasks.supervision import Following, follow

ALONE = True

SIZE, PIXELS = (64, 48), 8
"""Rows and columns of latents; rows of pixels for one of latents."""
PAPER = Following(layers="*.attn1.core", leffa=0.001, max_time=499, resolution=1 / 32)
LOSSES = {"none": Following(), "leffa": PAPER, "always": replace(PAPER, max_time=1000), "every_query": Following()}
VARIANTS = {"fp32": tuple(LOSSES), "bf16": ("none", "leffa")}
"""What is measured, by the number format of the forward pass."""


class EveryQuery:
    """The released self-attention: the reference's tokens ask too, and their answers are thrown away."""

    def __init__(
        self, reference: Sequence[Tensor], kernel: Callable[..., Tensor] = F.scaled_dot_product_attention
    ) -> None:
        self.reference, self.kernel = iter(reference), kernel

    def attend(self, attn: Attention, tokens: Tensor) -> Tensor:
        """The output of the painted picture's tokens."""
        joined = torch.cat((tokens, next(self.reference)), dim=1)
        query, key, value = (
            layer(joined).unflatten(-1, (attn.heads, -1)).transpose(1, 2) for layer in (attn.to_q, attn.to_k, attn.to_v)
        )
        answers = self.kernel(query, key, value)
        return attn.to_out[0](answers.transpose(1, 2).flatten(2))[:, : tokens.shape[1]]


def with_every_query(model: LeffaUNet, sample: Tensor, time: Tensor, exchange: EveryQuery) -> Tensor:
    """The prediction, computed as released."""
    *_, hidden = model.unet.merge(model.unet.encode(sample, time, None, exchange=exchange), None, exchange=exchange)
    return model.unet.to_output(hidden)


def example() -> dict[str, Tensor]:
    """Two samples; the garment covers 38 % of a picture."""
    height, width = PIXELS * SIZE[0], PIXELS * SIZE[1]
    generator = torch.Generator().manual_seed(0)
    shapes = {"sample": (9, *SIZE), "reference": (4, *SIZE), "target": (4, *SIZE)}
    drawn = {name: torch.randn(2, *shape, generator=generator) for name, shape in shapes.items()}
    pictures = {name: torch.rand(2, 3, height, width, generator=generator) * 2 - 1 for name in ("garment", "photo")}
    worn = torch.zeros(2, 1, height, width)
    worn[..., height // 4 : -height // 8, width // 5 : -width // 5] = 1
    return {**drawn, **pictures, "worn": worn, "time": torch.tensor([250, 750])}


def loss_of_step(model: LeffaUNet, name: str, given: dict[str, Tensor]) -> Tensor:
    """What is learned from in one step of a variant."""
    following, sample, time = LOSSES[name], given["sample"], given["time"]
    features, terms = model.encode_reference(given["reference"], time), {}
    if following.active:
        with AttentionTap(model.unet, following.layers) as tap:
            prediction = model(sample, time, features)
        terms = follow(following, tap, (given["garment"], given["photo"]), given["worn"], time)
    elif name == "every_query":
        prediction = with_every_query(model, sample, time, EveryQuery(features.values))
    else:
        prediction = model(sample, time, features)
    return F.mse_loss(prediction.float(), given["target"]) + sum(terms.values())


def new() -> LeffaUNet:
    """The pair."""
    torch.manual_seed(0)
    return LeffaUNet(block_out_channels=(80, 160, 320, 320), num_attention_heads=2, norm_num_groups=16)


def loss_alone(name: str, precision: str, repeats: int) -> float:
    """Least seconds of the loss itself on the attentions of one step, and of its gradient by queries and keys."""
    model, given, following, seconds = new(), example(), LOSSES[name], []
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
        AttentionTap(model.unet, following.layers) as tap,
    ):
        model(given["sample"], given["time"], model.encode_reference(given["reference"], given["time"]))
    leaves = {
        path: replace(r, query=r.query.detach().requires_grad_(), key=r.key.detach().requires_grad_())
        for path, r in tap.items()
    }
    for _ in range(repeats):
        start = clock("cpu")
        follow(following, leaves, (given["garment"], given["photo"]), given["worn"], given["time"])["leffa"].backward()
        seconds.append(clock("cpu") - start)
    return min(seconds)


def measure(name: str, precision: str, repeats: int) -> dict[str, float]:
    """Least seconds of a step, and the bytes by which steps raise the peak; and of the loss alone, if there is one."""
    model = new()
    optimizer, given = torch.optim.AdamW(model.parameters(), lr=1e-5), example()
    found = measure_steps(lambda: loss_of_step(model, name, given), optimizer, precision=precision, repeats=repeats)
    return found | ({"loss_seconds": loss_alone(name, precision, repeats)} if LOSSES[name].active else {})


def compare(precision: str, rounds: int, repeats: int) -> dict[str, Any]:
    """Every variant, and its ratios to the step without a loss."""

    def alone(name: str) -> dict[str, float]:
        return in_a_fresh_process("benchmarks.leffa_step", "--only", name, precision, "--repeats", repeats)

    return {"precision": precision, "steps": in_turns(VARIANTS[precision], alone, rounds)}


def main() -> None:
    """Compare all variants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only:
        print(json.dumps(measure(*options.only, options.repeats)))
        return
    rows = []
    for precision in VARIANTS:
        rows.append(compare(precision, options.rounds, options.repeats))
        for name, row in rows[-1]["steps"].items():
            ratios = f"{row['seconds_ratio']:.2f} in time, {row['bytes_ratio']:.2f} in memory"
            print(f"{precision} {name}: {row['seconds']:.1f} s, {row['bytes'] / 2**20:.0f} MiB; ratio {ratios}")
    machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__, "threads": 1}
    result = {**machine, "tokens": SIZE, "batch": 2, "rounds": options.rounds, "rows": rows}
    if options.out:
        replace_text(options.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
