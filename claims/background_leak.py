"""The warped garment's ground, and what of its colour a linear probe still finds in the misaligned region."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.models.normalization import mask_standardize, standardize

EXAMPLES, SIZE, CHANNELS, RIDGE = 384, (32, 24), 32, 1e-3
NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "none": lambda x, mask: x,
    "instance": lambda x, mask: standardize(x, (2, 3)),
    "mask": mask_standardize,
}


def features(world: World, split: str, encoder: nn.Module, draw: torch.Generator) -> tuple[Tensor, ...]:
    """Encoded inputs of ALIAS with grounds of random colours, the mask, those colours and the body's surface."""
    batch = world.paired(split, torch.arange(EXAMPLES))
    colour = torch.rand(EXAMPLES, 3, 1, 1, generator=draw) * 2 - 1
    bare = (batch.warped_garment == 0).all(1, keepdim=True)
    seen = torch.cat((batch.agnostic, batch.dense_pose, torch.where(bare, colour, batch.warped_garment)), 1)
    small, mask, pose = (F.interpolate(x, SIZE, mode="nearest") for x in (seen, batch.misalign_mask, batch.dense_pose))
    enough = mask.sum((1, 2, 3)) >= 4
    with torch.no_grad():
        encoded = encoder(small[enough])
    return encoded, mask[enough], colour.expand(-1, -1, *SIZE)[enough], pose[enough]


def explained(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> float:
    """The share of the test targets' variance that a ridge regression on the training pixels explains."""
    (x, y), (x_test, y_test) = train, test
    weights = torch.linalg.solve(x.mT @ x + RIDGE * len(x) * torch.eye(x.shape[1]).double(), x.mT @ y)
    return float(1 - (y_test - x_test @ weights).square().sum() / (y_test - y.mean(0)).square().sum())


def explained_by_network(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> float:
    """The same of a small network, which may find what no line shows."""
    (x, y), (x_test, y_test) = train, test
    probe = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)).double()
    optimizer = torch.optim.AdamW(probe.parameters(), 3e-3, weight_decay=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        F.mse_loss(probe(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        return float(1 - (y_test - probe(x_test)).square().sum() / (y_test - y.mean(0)).square().sum())


Read = Callable[[Tensor, Tensor], Tensor]
"""Which features a probe of a pixel gets, of normalized maps and the mask."""


def pixel(maps: Tensor, mask: Tensor) -> Tensor:
    """Its own."""
    return maps


def around(maps: Tensor, mask: Tensor) -> Tensor:
    """Those of 3x3 pixels."""
    return F.unfold(F.pad(maps, (1, 1, 1, 1), mode="replicate"), 3).unflatten(2, maps.shape[-2:])


def around_inside(maps: Tensor, mask: Tensor) -> Tensor:
    """Those of the pixels among them that are misaligned too; 0 for the others."""
    return around(maps * mask, mask)


def measure(seed: int) -> dict[str, float]:
    """Explained variance inside the misaligned region, of the ground's colour and of the body's surface.

    ``_pose``: the body's surface. ``_network``: a nonlinear probe. ``_around``, ``_around_inside``: linear probes of
    3x3 pixels. ``_next``: of single pixels, behind a further leaky ReLU and random convolution.
    """
    draw = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    layer = [nn.Conv2d(i, CHANNELS, 3, padding=1, padding_mode="replicate") for i in (9, CHANNELS)]
    encoder, world = nn.Sequential(layer[0], nn.LeakyReLU(0.2), layer[1]), World(DataConfig(seed=seed))
    splits = [features(world, split, encoder, draw) for split in ("train", "test")]

    @torch.no_grad()
    def pixels(norm: str, which: int, read: Read = pixel) -> list[tuple[Tensor, Tensor]]:
        found = []
        for encoded, mask, *targets in splits:
            maps = torch.cat((read(NORMS[norm](encoded, mask), mask), torch.ones_like(mask)), 1)
            inside = mask[:, 0] > 0.5
            found.append((maps.movedim(1, -1)[inside].double(), targets[which].movedim(1, -1)[inside].double()))
        return found

    result = {name: explained(*pixels(name, 0)) for name in NORMS}
    result |= {f"{name}_pose": explained(*pixels(name, 1)) for name in NORMS}
    (x, y), test = pixels("none", 0)
    result["chance"] = explained((x, y[torch.randperm(len(y), generator=draw)]), test)
    result |= {f"{name}_network": explained_by_network(*pixels(name, 0)) for name in ("instance", "mask")}
    further = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, padding_mode="replicate")

    def behind(maps: Tensor, mask: Tensor) -> Tensor:
        return further(F.leaky_relu(maps, 0.2))

    reads: dict[str, Read] = {"around": around, "around_inside": around_inside, "next": behind}
    return result | {
        f"{name}_{kind}": explained(*pixels(name, 0, read)) for name in NORMS for kind, read in reads.items()
    }
