"""Query selection with and without the map of all patches: time and memory side by side in one run, on one core.

    python -m tools bench query_selection

``straightforward`` is what the steps of the method say, one after the other, with autograd on: the whole map,
-sum A log A with log 0 set to 0, a sort, the chosen rows, what they read; for windows an unfolded map.
``one_function`` is the same with torch's xlogy in place of the logarithm and its guard. ``ours`` is vtonlib's. Each
variant runs in a process of its own, so that one's peak of memory does not hide another's; time is CPU time, the least
of several.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.steps import in_a_fresh_process
from vtonlib.attention.query_selection import RULES, PatchPairs
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.models.translator import unit_patches

ALONE = True

CHANNELS, COUNT, WINDOW = 256, 256, 7


Entropy = Callable[[Tensor], Tensor]


def guarded(weights: Tensor) -> Tensor:
    return -(weights * torch.where(weights > 0, weights, 1.0).log()).sum(-1)


def by_xlogy(weights: Tensor) -> Tensor:
    return -torch.special.xlogy(weights, weights).sum(-1)


def explicit_global(source: Tensor, translation: Tensor, *, entropy_of: Entropy) -> PatchPairs:
    tokens, others = source.flatten(2).mT, translation.flatten(2).mT
    weights = (tokens @ tokens.mT).softmax(-1)
    ids = entropy_of(weights).argsort(dim=-1)[:, :COUNT]
    rows = weights.gather(1, ids[..., None].expand(-1, -1, weights.shape[-1]))
    return PatchPairs(rows @ tokens, rows @ others, ids)


def explicit_local_selection(source: Tensor, translation: Tensor, *, entropy_of: Entropy) -> Tensor:
    windows = F.unfold(source, WINDOW, padding=WINDOW // 2).unflatten(1, (source.shape[1], WINDOW**2))
    weights = torch.einsum("bcn, bckn -> bnk", source.flatten(2), windows).softmax(-1)
    return entropy_of(weights).argsort(dim=-1)[:, :COUNT]


def our_global(source: Tensor, translation: Tensor) -> PatchPairs:
    return RULES["global"].pair(source, translation)


def our_local_selection(source: Tensor, translation: Tensor) -> Tensor:
    return RULES["local"].choose(source)


def with_backward(route: Callable[[Tensor, Tensor], PatchPairs]) -> Callable[[Tensor, Tensor], None]:
    def run(source: Tensor, translation: Tensor) -> None:
        pairs = route(source, translation)
        patch_nce(unit_patches(pairs.translation), unit_patches(pairs.source)).mean().backward()

    return run


CASES: dict[str, tuple[int, Callable[..., Any], Callable[..., Any]]] = {
    "global_with_backward": (64, explicit_global, our_global),
    "global_forward": (128, explicit_global, our_global),
    "local_selection": (64, explicit_local_selection, our_local_selection),
}
"""Side of the map, the explicit computation, and ours."""
EXPLICIT: dict[str, Entropy] = {"straightforward": guarded, "one_function": by_xlogy}


def variant_of(case: str, variant: str) -> Callable[[Tensor, Tensor], Any]:
    _, explicit, ours = CASES[case]
    run = partial(explicit, entropy_of=EXPLICIT[variant]) if variant in EXPLICIT else ours
    return with_backward(run) if case.endswith("backward") else run


def new_maps(side: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (1, CHANNELS, side, side)  # scaled so that rows are neither even nor saturated
    return tuple((0.3 * torch.randn(shape, generator=generator)).requires_grad_() for _ in range(2))


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(case: str, variant: str, repeats: int) -> dict[str, float]:
    """Least CPU seconds, and by how much the peak of memory rises."""
    side, run = CASES[case][0], variant_of(case, variant)

    def once(maps: tuple[Tensor, Tensor]) -> float:
        start = time.process_time()
        run(*maps)
        return time.process_time() - start

    once(new_maps(20))  # loads the kernels
    maps = new_maps(side)
    before = peak()
    seconds = [once(maps)]
    megabytes = (peak() - before) / 1e6
    seconds += [once(new_maps(side)) for _ in range(repeats - 1)]
    return {"seconds": min(seconds), "megabytes": megabytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.only:
        print(json.dumps(measure(*arguments.only, arguments.repeats)))
        return
    result: dict[str, Any] = {"torch": torch.__version__, "threads": 1, "channels": CHANNELS, "patches": COUNT}
    for case, (side, *_) in CASES.items():
        measured = {
            name: in_a_fresh_process("benchmarks.query_selection", "--only", case, name, "--repeats", arguments.repeats)
            for name in (*EXPLICIT, "ours")
        }
        ratios = {
            f"{unit}_of_{name}": measured["ours"][unit] / max(measured[name][unit], 1e-9)
            for name in EXPLICIT
            for unit in ("seconds", "megabytes")
        }
        result[case] = {"side": side, **measured, **ratios}
        print(f"{case} {side}x{side}: {json.dumps(result[case])}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
