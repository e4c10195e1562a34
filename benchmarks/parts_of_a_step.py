"""What each part of a training step costs: a StableVITON's and a Leffa's, by torch's profiler, on one thread.

    python -m benchmarks.parts_of_a_step [--out parts_of_a_step.json]

The StableVITON of benchmarks/ablations.py at 64x48, a batch of 16 latents; the pair of benchmarks/leffa_step.py, two
samples of 64x48 latents, with the paper's loss. Forward, backward and update; the first step, which loads kernels, is
not counted. The profiler's seconds are those of the clock, of operators themselves without those they call; on a busy
machine only their shares mean anything. They are gathered by kind.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks import leffa_step, shaping_step
from vtonlib.disk import replace_text
from vtonlib.tasks.latents import LatentBatch

ALONE = True
KINDS = {
    "convolution": ("conv", "mkldnn_convolution"),
    "attention": ("scaled_dot_product", "flash_attention", "softmax", "logsumexp"),
    "matrix products": ("addmm", "bmm", "aten::mm", "matmul", "linear", "baddbmm"),
    "normalization": ("group_norm", "layer_norm", "batch_norm", "instance_norm"),
    "update of the weights": ("adam", "_foreach", "Optimizer"),
    "moving and casting": ("copy_", "clone", "_to_copy", "cat", "contiguous", "index", "transpose", "permute", "fill_"),
    "sampling pictures": ("grid_sampl", "upsample", "interpolate"),
}
"""Kinds of work by what stands in an operator's name; the first that fits."""


def kind(name: str) -> str:
    """The kind of an operator."""
    found = (known for known, parts in KINDS.items() if any(part.lower() in name.lower() for part in parts))
    return next(found, "the rest: sums, products, activations")


def parts(step: Callable[[], None], repeats: int) -> dict[str, float]:
    """Seconds of one step by kind of work."""
    step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(repeats):
            with record_function("step"):
                step()
    found: dict[str, float] = {}
    for event in seen.key_averages():
        if event.key != "step" and event.self_cpu_time_total > 0:
            found[kind(event.key)] = found.get(kind(event.key), 0.0) + event.self_cpu_time_total / 1e6 / repeats
    return {name: round(seconds, 4) for name, seconds in sorted(found.items(), key=lambda item: -item[1])}


def training_step(loss: Callable[[], Tensor], weights: list[torch.nn.Parameter], precision: str) -> Callable[[], None]:
    """Forward, backward and update."""
    optimizer = torch.optim.AdamW(weights, lr=1e-5)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            value = loss()
        value.backward()
        optimizer.step()

    return step


def stable_viton(precision: str, losses: str) -> Callable[[], None]:
    """A step of the small StableVITON, with losses on its attention or with none."""
    task = shaping_step.new(losses, "64x48")
    with tempfile.TemporaryDirectory() as folder:
        shaping_step.store_examples("64x48", file := Path(folder) / "latents.safetensors")
        batch = LatentBatch(**load_file(file))
    weights = [weight for weight in task.unet.parameters() if weight.requires_grad]
    return training_step(lambda: torch.stack(list(task.denoiser_loss(batch).values())).sum(), weights, precision)


def leffa(precision: str, losses: str) -> Callable[[], None]:
    """A step of the pair, with the paper's loss or with none."""
    model, given = leffa_step.new(), leffa_step.example()
    return training_step(lambda: leffa_step.loss_of_step(model, losses, given), list(model.parameters()), precision)


STEPS = {
    "StableVITON": lambda: stable_viton("fp32", "none"),
    "StableVITON, bf16": lambda: stable_viton("bf16", "none"),
    "StableVITON, bf16, both losses on attention": lambda: stable_viton("bf16", "both"),
    "Leffa": lambda: leffa("fp32", "none"),
    "Leffa, with its loss": lambda: leffa("fp32", "leffa"),
    "Leffa, bf16, with its loss": lambda: leffa("bf16", "leffa"),
}


def main() -> None:
    """Profile all steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    steps = {name: parts(new(), options.repeats) for name, new in STEPS.items()}
    result = {"torch": torch.__version__, "threads": 1, "repeats": options.repeats, "steps": steps}
    if options.out:
        replace_text(options.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
