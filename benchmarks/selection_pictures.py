"""What benchmarks on query selection share: pictures whose truth is known, features, a translator without a GAN.

A source is a person in a plain upper garment, its *striped* twin the same picture with stripes of the same ground
colour. A map of patches has a quarter of a picture's sides: 16x12 = 192 patches for 64x48.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.attention.query_selection import RULES, QuerySelection
from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.parameters import UPPER
from vtonlib.data.render import render
from vtonlib.data.scene import CYCLE
from vtonlib.data.source import Split
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation.selection import edge_energy
from vtonlib.grids import resize_mask
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.models.autoencoder import encode, load_autoencoder
from vtonlib.models.translator import TAPS, PatchProjector, ResnetTranslator

SIZE, PATCH = (64, 48), 4
CHANNELS, BLOCKS, WIDTH = 16, 5, 64
STEPS, BATCH, POOL, RATE, COUNT = 200, 8, 512, 1e-3, 48
BY_RULE = ("block_0", "block_4")
"""The features on which a rule selects and routes, as in the released code; patches of the others are random."""
Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Pictures:
    """Pictures and what is known of their patches."""

    plain: Tensor
    striped: Tensor
    regions: dict[str, Tensor]
    """Which patches [b n] lie mostly on the ``garment``, its ``edge``, the rest of the ``person``, ``background``."""
    change: Tensor
    """By how much stripes change each patch, [b n]."""

    @property
    def texture(self) -> Tensor:
        """The energy of the plain picture's edges in each patch, [b n]."""
        return on_patches(edge_energy(self.plain))


def on_patches(maps: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    return resize_mask(maps, height // PATCH, width // PATCH).flatten(1)


def pictures(split: Split, first: int, count: int, *, size: tuple[int, int] = SIZE, closer: bool = False) -> Pictures:
    """People in upper garments from the ``first`` on; ``closer`` cuts a window of half the sides about the garment."""
    uppers = torch.tensor([i for i in range(2 * (first + count)) if CYCLE[i % len(CYCLE)] == UPPER])
    world = World(DataConfig())
    scenes = world.scenes(split, uppers[first : first + count])
    kinds = [list(TEXTURES).index(name) for name in ("plain", "stripes")]
    height, width = (2 * side for side in size) if closer else size
    drawn = [
        render(scenes.wearing(replace(scenes.garment, texture=scenes.garment.texture * 0 + kind)), height, width)
        for kind in kinds
    ]
    plain, striped = (batch.person for batch in drawn)
    garment, person = drawn[0].garment_region, 1 - drawn[0].parse[:, PARSE_LABELS.index("background"), None]
    if closer:
        plain, striped, garment, person = cut_about(garment, (plain, striped, garment, person))
    cover, whole = on_patches(garment), on_patches(person)
    inside = cover > 0.5
    regions = {
        "garment": inside,
        "edge": (cover > 0.05) & (cover < 0.95),
        "person": (whole > 0.5) & ~inside,
        "background": (whole <= 0.5) & ~inside,
    }
    return Pictures(plain, striped, regions, on_patches((plain - striped).abs().mean(1, keepdim=True)))


def cut_about(mask: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
    """Windows of half the sides, as near as can be to the middle of a mask."""
    height, width = mask.shape[-2:]
    rows = (mask.sum((1, 3)) * torch.arange(height)).sum(1) / mask.sum((1, 2, 3))
    columns = (mask.sum((1, 2)) * torch.arange(width)).sum(1) / mask.sum((1, 2, 3))
    tops = (rows - height / 4).round().long().clamp(0, height // 2).tolist()
    lefts = (columns - width / 4).round().long().clamp(0, width // 2).tolist()
    return [
        torch.stack(
            [image[:, y : y + height // 2, x : x + width // 2] for image, y, x in zip(stack, tops, lefts, strict=True)]
        )
        for stack in maps
    ]


class Net:
    """A translator and its projector, untrained, or trained by PatchNCE alone."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.translator = ResnetTranslator(channels=CHANNELS, blocks=BLOCKS)
        self.projector = PatchProjector([self.translator.taps[tap] for tap in TAPS], width=WIDTH)

    def features(self, tap: str) -> Features:
        return lambda images: self.translator.features(images, (tap,))[tap]

    def losses(self, rule: QuerySelection, source: dict[str, Tensor], made: dict[str, Tensor]) -> list[Tensor]:
        """PatchNCE of every layer, [b m]."""
        pairs = [
            (rule if tap in BY_RULE else replace(RULES["cut"], count=COUNT)).pair(source[tap], made[tap])
            for tap in TAPS
        ]
        keys, queries = (self.projector([getattr(p, which) for p in pairs]) for which in ("source", "translation"))
        return [patch_nce(query, key) for query, key in zip(queries, keys, strict=True)]

    def train(self, rule: QuerySelection, seed: int) -> Net:
        """Nothing but PatchNCE: a translation's patches should be told by those of its source."""
        pool = pictures("train", seed * POOL, POOL).plain
        weights = [*self.translator.parameters(), *self.projector.parameters()]
        optimizer = torch.optim.Adam(weights, lr=RATE, betas=(0.5, 0.999))
        draw = torch.Generator().manual_seed(seed)
        for _ in range(STEPS):
            made = self.translator.with_features(pool[torch.randint(POOL, (BATCH,), generator=draw)])
            losses = self.losses(rule, made.features, self.translator.features(made.image))
            optimizer.zero_grad()
            torch.stack([loss.mean() for loss in losses]).mean().backward()
            optimizer.step()
        return self


def trained(rule: str, seed: int, kept: Path | None = None) -> Net:
    """A translator after PatchNCE alone; where ``kept`` is given, stored there and read from there."""
    net, folder = Net(seed), None if kept is None else kept / f"{rule}-{seed}"
    if folder is not None and folder.exists():
        net.translator = ResnetTranslator.from_pretrained(folder / "translator")
        net.projector = PatchProjector.from_pretrained(folder / "projector")
        return net
    net.train(replace(RULES[rule], count=COUNT), seed)
    if folder is not None:
        net.translator.save_pretrained(folder / "translator")
        net.projector.save_pretrained(folder / "projector")
    return net


def raw_patches(images: Tensor) -> Tensor:
    return F.pixel_unshuffle(images, PATCH)


def latent_patches(images: Tensor) -> Tensor:
    autoencoder = load_autoencoder()
    return F.pixel_unshuffle(encode(autoencoder, images), PATCH // 2)
