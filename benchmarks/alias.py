"""The ALIAS generator and mask normalization against a straightforward writing of the official formulas.

    OMP_NUM_THREADS=1 python -m benchmarks.alias [--device cuda] [--out results.json]

Prints one line of JSON: seconds and peak memory of both, and their ratios. The generator is VITON-HD's (ngf 64, most),
without gradients, at 512x384, on a parse map that the world renders; mask normalization runs forward and backward on 64
channels of 256x192. Every measurement has a process of its own, in turns; time is the best of several rounds, memory
the growth of the process's largest resident size during one call (on CUDA, of what torch has taken there), after
another of small size that loads what it needs. On CUDA nothing is rounded to TensorFloat-32.
Both give the same numbers, or the benchmark fails.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import platform
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize

from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.world import World
from vtonlib.models.alias import ALIASGenerator, ALIASResBlock, split_parse
from vtonlib.models.normalization import ALIASNorm, MaskNorm, mask_standardize

ALONE = True

SIZE, SMALL = (512, 384), (256, 128)
TARGETS = {"generator": (0.55, 0.6), "mask_norm": (0.9, 0.6)}
"""The largest ratios of time and memory that pass."""
TOLERANCE = 1e-4
GROUPS = {
    "hair": 3, "left_arm": 4, "right_arm": 5, "upper_garment": 2, "dress": 2, "background": 0,
}  # fmt: skip
"""VITON-HD's seven labels for those of the world; the rest is its label 1, copied from the person."""

Side = Literal["vtonlib", "official"]


def official_mask_norm(x: Tensor, mask: Tensor) -> Tensor:
    """Fill the other region with the mean, instance norm, times sqrt(n / P), for both regions."""
    result = torch.zeros_like(x)
    for weight in (mask, 1 - mask):
        n = weight.sum((2, 3), keepdim=True)
        n[n == 0] = 1
        mean = (x * weight).sum((2, 3), keepdim=True) / n
        result = result + F.instance_norm(x * weight + mean * (1 - weight)) * torch.sqrt(n / (x.shape[2] * x.shape[3]))
    return result


def official_norm(norm: ALIASNorm, x: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Noise, normalization, then a convolution of the label map for every pixel of gamma and of beta."""
    noise = torch.randn(x.shape[0], x.shape[3], x.shape[2], 1, device=x.device)
    x = x + (noise * norm.noise_scale).transpose(1, 3)
    x = official_mask_norm(x, mask) if isinstance(norm.param_free_norm, MaskNorm) else F.instance_norm(x)
    hidden = F.relu(norm.modulation.shared(labels))
    return x * (1 + norm.modulation.gamma(hidden)) + norm.modulation.beta(hidden)


def official_block(block: ALIASResBlock, x: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """The residual block."""
    labels, mask = (F.interpolate(m, x.shape[2:], mode="nearest") for m in (labels, mask))
    shortcut = block.conv_s(official_norm(block.norm_s, x, labels, mask)) if block.learned_shortcut else x
    hidden = block.conv_0(F.leaky_relu(official_norm(block.norm_0, x, labels, mask), 0.2))
    return shortcut + block.conv_1(F.leaky_relu(official_norm(block.norm_1, hidden, labels, mask), 0.2))


def official_generator(net: ALIASGenerator, x: Tensor, parse: Tensor, parse_div: Tensor, mask: Tensor) -> Tensor:
    """The features of the inputs at all sizes first, then block after block."""
    latent = net.latent_size(*x.shape[2:])
    sizes = [[side << level for side in latent] for level in range(len(net.blocks))]
    features = [conv(F.interpolate(x, size, mode="nearest")) for conv, size in zip(net.inputs, sizes, strict=True)]
    y = features[0]
    for level, block in enumerate(net.blocks):
        if level:
            y = torch.cat((F.interpolate(y, scale_factor=2), features[level]), dim=1)
        y = official_block(block, y, parse_div if level < net.mask_norm_blocks else parse, mask)
    return torch.tanh(net.conv_img(F.leaky_relu(y, 0.2)))


def conditions(height: int, width: int, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the generator gets for one rendered person, its garment's mask moved by a few pixels."""
    batch = World(DataConfig(height=height, width=width)).unpaired("test", torch.arange(1))
    group = F.one_hot(torch.tensor([GROUPS.get(label, 1) for label in PARSE_LABELS]), 7).float()
    parse = torch.einsum("kg,bkhw->bghw", group, batch.parse)
    mask = (parse[:, 2:3] - parse[:, 2:3].roll((9, 7), (2, 3))).clamp_min(0)
    inputs = torch.cat((batch.agnostic, batch.dense_pose, batch.garment), dim=1)
    return inputs.to(device), parse.to(device), split_parse(parse, mask, 2).to(device), mask.to(device)


def trained_generator() -> ALIASGenerator:
    """VITON-HD's generator with weights that, as after training, are no longer near zero; the noise has scale 0."""
    net = ALIASGenerator.most().eval()
    for name, parameter in net.named_parameters():
        spread = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
        parameter.data.normal_(0, 0.0 if name.endswith("noise_scale") else spread)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d) and parametrize.is_parametrized(module, "weight"):
            module.weight = module.parametrizations.weight.original.data  # finds its singular vectors
    return net


def generator(side: Side, device: str) -> Callable[[int, int], Callable[[], Tensor]]:
    """For a size, the call that makes the image."""
    net = trained_generator().to(device)
    function = net if side == "vtonlib" else partial(official_generator, net)
    return lambda height, width: torch.no_grad()(partial(function, *conditions(height, width, device)))


def mask_norm(side: Side, device: str) -> Callable[[int, int], Callable[[], Tensor]]:
    """For a size of image, the call that normalizes features of half that size and goes back; gives the gradient."""
    function = mask_standardize if side == "vtonlib" else official_mask_norm

    def at(height: int, width: int) -> Callable[[], Tensor]:
        x = torch.randn(1, 64, height // 2, width // 2).to(device)
        mask = F.interpolate(conditions(height, width, device)[3], scale_factor=0.5, mode="area")
        cotangent = torch.randn_like(x)

        def forward_and_backward() -> Tensor:
            leaf = x.detach().requires_grad_()
            function(leaf, mask).backward(cotangent)
            assert leaf.grad is not None
            return leaf.grad

        return forward_and_backward

    return at


CASES = {"generator": generator, "mask_norm": mask_norm}


def resident(field: str) -> int:
    """A size of this process from the system's books, in bytes: VmRSS now, VmHWM at most so far."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if not found:
        raise OSError("this system does not tell how large a process is")
    return 1024 * int(found[1])


def growth(call: Callable[[], Tensor], device: str) -> tuple[float, Tensor]:
    """How many MiB a call takes at its peak, and its result."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        result = call()
        return (torch.cuda.max_memory_allocated() - before) / 2**20, result
    ctypes.CDLL(None).malloc_trim(0)  # what rendering has freed goes back to the system
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM starts anew
    before = resident("VmRSS")
    result = call()
    return (resident("VmHWM") - before) / 2**20, result


def duration(call: Callable[[], Tensor], device: str) -> float:
    """Seconds of one call, until the device has done it."""
    start = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(case: str, side: Side, threads: int, rounds: int, device: str) -> tuple[float, float, Tensor]:
    """Best seconds, MiB of growth, and the result."""
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    prepare = CASES[case](side, device)
    prepare(*SMALL)()
    call = prepare(*SIZE)
    peak, result = growth(call, device)
    result = result.cpu()
    return min(duration(call, device) for _ in range(rounds)), peak, result


def compared(case: str, threads: int, rounds: int, device: str) -> dict[str, Any]:
    """Both sides of one case, in turns, each time in a new process."""
    sides: dict[str, list[tuple[float, float, Tensor]]] = {"vtonlib": [], "official": []}
    for _ in range(2):
        for side, found in sides.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found.append(pool.apply(measure, (case, side, threads, rounds, device)))
    difference = (sides["vtonlib"][0][2] - sides["official"][0][2]).abs().max().item()
    if not difference <= TOLERANCE:
        raise SystemExit(f"{case}: the results differ by {difference}")
    best = {side: (min(f[0] for f in found), min(f[1] for f in found)) for side, found in sides.items()}
    ratios = [ours / theirs for ours, theirs in zip(best["vtonlib"], best["official"], strict=True)]
    return {
        **{side: {"seconds": round(values[0], 4), "MiB": round(values[1], 1)} for side, values in best.items()},
        "time_ratio": round(ratios[0], 3),
        "memory_ratio": round(ratios[1], 3),
        "difference": difference,
        "passes": all(ratio <= target for ratio, target in zip(ratios, TARGETS[case], strict=True)),
    }


def main() -> None:
    """Measure both cases and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    report = {
        "benchmark": "alias",
        "generator": compared("generator", args.threads, 2, args.device),
        "mask_norm": compared("mask_norm", args.threads, 20, args.device),
        "threads": args.threads,
        "machine": torch.cuda.get_device_name()
        if args.device == "cuda"
        else platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }
    line = json.dumps(report)
    print(line)
    if args.out:
        args.out.write_text(line + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
