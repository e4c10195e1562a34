"""What a thin-plate flow costs: ``python -m benchmarks.thin_plate [--device cuda] [--out results.json]``.

Prints one line of JSON: time and peak memory of ``lattice_flow`` at 1024x768 with 5x5 control points, as ratios to a
straightforward implementation of the formula in the released coordinates, measured in the same run: every call computes
all distances between pixels and control points anew, and multiplies by the inverse of the system. Both give the
same grid. The basis that ``lattice_flow`` computes once for each image size counts as memory, not as time; what it
costs to compute is reported beside it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from vtonlib.official.viton_hd_gmm import released_offsets
from vtonlib.thin_plate import lattice_flow

ALONE = True

HEIGHT, WIDTH, CONTROL, REACH = 1024, 768, 5, 0.9


def kernel(squared: Tensor) -> Tensor:
    """U(r) = r^2 log r^2, with 0 for r = 0."""
    return squared * torch.log(torch.where(squared == 0, torch.ones_like(squared), squared))


def inverse_system(device: str) -> tuple[Tensor, Tensor]:
    """The control points [n 2], x slowest, and the inverse [n+3 n+3] of the spline's system: prepared once."""
    axis = torch.linspace(-REACH, REACH, CONTROL)
    control = torch.cartesian_prod(axis, axis)
    n = len(control)
    system = torch.zeros(n + 3, n + 3)
    system[:n, :n] = kernel((control[:, None] - control[None]).square().sum(-1))
    system[:n, n], system[:n, n + 1 :] = 1, control
    system[n:, :n] = system[:n, n:].T
    return control.to(device), torch.linalg.inv(system).to(device)


def straightforward(theta: Tensor, control: Tensor, inverse: Tensor) -> Tensor:
    """The grid [b h w 2] that the released convention defines, written as the formula reads."""
    n = len(control)
    target = control + theta.unflatten(1, (2, n)).mT
    solution = inverse[:, :n] @ target
    y, x = (torch.linspace(-REACH, REACH, side, device=theta.device) for side in (HEIGHT, WIDTH))
    points = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[None]
    squared = (points[..., None, :] - control).square().sum(-1)
    bend = kernel(squared)
    axes = []
    for i in range(2):
        weight, affine = solution[:, None, None, :n, i], solution[:, n:, i]
        plane = affine[:, 0, None, None] + (points * affine[:, None, None, 1:]).sum(-1)
        axes.append(plane + (bend * weight).sum(-1))
    return torch.stack(axes, dim=-1)


def candidates(device: str) -> dict[str, Callable[[], Tensor]]:
    """Both ways to the same flow; each call ends when the device has done it."""
    theta = 0.2 * torch.randn(1, 2 * CONTROL**2, generator=torch.Generator().manual_seed(0)).to(device)
    control, inverse = inverse_system(device)
    offsets = theta.unflatten(1, (2, CONTROL, CONTROL)).permute(0, 3, 2, 1)
    ours = released_offsets(offsets, HEIGHT, WIDTH)
    return {
        "straightforward": lambda: finished(straightforward(theta, control, inverse)),
        "lattice_flow": lambda: finished(lattice_flow(ours, HEIGHT, WIDTH)),
    }


def finished(result: Tensor) -> Tensor:
    """The tensor, once the device has computed it."""
    if result.is_cuda:
        torch.cuda.synchronize()
    return result


def difference(device: str) -> float:
    """The largest difference of the two grids, in the released coordinates."""
    both = {name: call().cpu() for name, call in candidates(device).items()}
    edges = torch.tensor([(WIDTH - 1) / WIDTH, (HEIGHT - 1) / HEIGHT])
    return (both["straightforward"] - both["lattice_flow"] * edges).abs().max().item()


def peak_megabytes(name: str, device: str) -> float:
    """Memory that calls of one candidate need, what is kept between them included, in a process of its own."""
    command = [sys.executable, __file__, "--peak-of", name, "--device", device]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure_peak(name: str, device: str) -> float:
    """How far five calls raise this process's largest resident size, or on CUDA what torch has taken there."""
    torch.set_num_threads(1)
    torch.randn(64, 64, device=device) @ torch.randn(64, 64, device=device)
    call = candidates(device)[name]
    if device != "cpu":
        before = torch.cuda.memory_allocated()
        for _ in range(5):
            call()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before = resident("VmRSS")
    for _ in range(5):
        call()
    return (resident("VmHWM") - before) / 1024


def resident(field: str) -> int:
    """A size of this process in kB, as Linux counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def seconds(repeats: int, device: str) -> tuple[dict[str, float], float]:
    """Median time of each candidate, in turn so that both see the same machine; and of the first call of ours."""
    calls = candidates(device)
    start = time.perf_counter()
    calls["lattice_flow"]()
    first = time.perf_counter() - start
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}, first


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--peak-of", choices=["straightforward", "lattice_flow"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    if args.peak_of:
        print(measure_peak(args.peak_of, args.device))
        return
    torch.set_num_threads(1)
    medians, first = seconds(args.repeats, args.device)
    peaks = {name: peak_megabytes(name, args.device) for name in medians}
    report = {
        "benchmark": "thin_plate",
        "size": [HEIGHT, WIDTH],
        "control": [CONTROL, CONTROL],
        "threads": 1,
        "machine": torch.cuda.get_device_name()
        if args.device == "cuda"
        else platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "milliseconds": {name: round(1000 * value, 2) for name, value in medians.items()},
        "peak_megabytes": {name: round(value, 1) for name, value in peaks.items()},
        "ratio_time": round(medians["lattice_flow"] / medians["straightforward"], 4),
        "ratio_memory": round(peaks["lattice_flow"] / peaks["straightforward"], 4),
        "basis_once": {"milliseconds": round(1000 * first, 1), "megabytes": 4 * HEIGHT * WIDTH * CONTROL**2 / 1e6},
        "largest_difference": difference(args.device),
    }
    line = json.dumps(report)
    print(line)
    if args.out:
        args.out.write_text(line + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
