"""Garments laid straight or anyhow: the same garments and persons, other pictures of the garments, a true flow."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.frame import interpolate, interpolate_anywhere
from vtonlib.data.garment import lay_flat
from vtonlib.data.laying import MOST_SHIFTED
from vtonlib.data.render import paint, render
from vtonlib.data.sampling import MOST_TURNED, SMALLEST
from vtonlib.data.scene import Scene, sample_scenes
from vtonlib.data.source import SPLITS
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid, warp
from vtonlib.records import BatchRecord

STRAIGHT, ANYHOW = DataConfig(), DataConfig(laid="anyhow")
INDICES = torch.arange(64)
SIZES = [(64, 48), (48, 64), (57, 43)]
DIGEST = "5cc1fd4fc06656c2b24bf91cb9bc14041545e388b814713518f5d4c40aba233e"
"""Of all that determines the first examples of each split, before garments could be laid anyhow."""


def numbers(record: BatchRecord, skip: tuple[str, ...] = ()) -> list[Tensor]:
    """All tensors of a record, in order."""
    fields = [value for name, value in record.tensors().items() if name not in skip]
    return [t for value in fields for t in (numbers(value, skip) if isinstance(value, BatchRecord) else [value])]


def border(image: Tensor) -> Tensor:
    """The outermost pixels."""
    return torch.cat((image[..., 0, :], image[..., -1, :], image[..., 0], image[..., -1]), -1)


def test_straight_worlds_are_what_they_were() -> None:
    """Every parameter, bit for bit; ``test_ten_scenes_look_as_they_did`` looks at the pictures."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for tensor in numbers(sample_scenes(INDICES, STRAIGHT, split=split), skip=("laid",)):
            digest.update(tensor.contiguous().numpy().tobytes())
    assert digest.hexdigest() == DIGEST


def test_the_scene_is_the_same_but_for_the_laying() -> None:
    straight, anyhow = (sample_scenes(INDICES, config, split="test") for config in (STRAIGHT, ANYHOW))
    pairs = zip(numbers(straight, ("laid",)), numbers(anyhow, ("laid",)), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert float(straight.garment.laid.turn.abs().max()) == 0 < float(anyhow.garment.laid.turn.abs().min())


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("split", ["train", "cross"])
def test_the_garment_read_through_the_flow_is_what_is_worn(height: int, width: int, split: str) -> None:
    """The world's defining test, for garments laid anyhow."""
    picture = paint(sample_scenes(INDICES, ANYHOW, split=split), height, width)  # type: ignore[arg-type]
    batch = picture.batch
    read = warp((batch.garment + 1) / 2, batch.flow)
    torch.testing.assert_close(read * batch.flow_mask, picture.albedo * batch.flow_mask, atol=2e-3, rtol=0)
    assert 0.03 < float(batch.flow_mask.mean()) < 0.5
    assert float(warp(batch.garment_mask, batch.flow)[batch.flow_mask > 0].min()) > 0.99


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_garments_stay_within_their_pictures(height: int, width: int) -> None:
    """So nothing of a garment that is worn is missing, and the flow is known where it was."""
    straight, anyhow = (
        World(replace(config, height=height, width=width)).paired("train", torch.arange(256))
        for config in (STRAIGHT, ANYHOW)
    )
    assert float(border(anyhow.garment_mask).max()) == 0
    both = (straight.flow_mask * anyhow.flow_mask).sum() / straight.flow_mask.sum()
    assert float(both) > 0.95


def test_what_a_model_may_see_of_the_person_is_the_same() -> None:
    straight, anyhow = (World(config).paired("test", INDICES) for config in (STRAIGHT, ANYHOW))
    for name in ("agnostic", "agnostic_mask", "dense_pose"):
        assert torch.equal(getattr(straight, name), getattr(anyhow, name)), name
    assert float((straight.garment_region - anyhow.garment_region).abs().mean()) < 0.005
    assert float((straight.garment - anyhow.garment).abs().mean()) > 0.1


def test_the_flow_is_the_straight_one_turned_scaled_and_shifted() -> None:
    """In the canvas's units a similarity takes the one to the other: found by least squares, nothing is left over."""
    straight, anyhow = (World(config).paired("test", INDICES) for config in (STRAIGHT, ANYHOW))
    half = torch.tensor([(48 - 1) / 2, (64 - 1) / 2])
    for i in range(len(INDICES)):
        known = (straight.flow_mask * anyhow.flow_mask)[i, 0] > 0.5
        (x, y), target = (straight.flow[i][known] * half).T, (anyhow.flow[i][known] * half).double()
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        rows = torch.stack((torch.stack((x, -y, one, zero), 1), torch.stack((y, x, zero, one), 1)), 1).double()
        found = torch.linalg.lstsq(rows.flatten(0, 1), target.flatten()).solution
        torch.testing.assert_close((rows @ found), target, atol=2e-3, rtol=0)
        scene = sample_scenes(INDICES[i : i + 1], ANYHOW, split="test").garment.laid
        assert math.atan2(float(found[1]), float(found[0])) == pytest.approx(float(scene.turn), abs=1e-3)


def test_ranges_are_those_of_the_settings() -> None:
    many = torch.arange(2000)
    laid = sample_scenes(many, ANYHOW, split="train").garment.laid
    assert 0.95 * MOST_TURNED < float(laid.turn.abs().max()) <= MOST_TURNED
    assert SMALLEST <= float(laid.zoom.min()) < SMALLEST + 0.01 and 0.99 < float(laid.zoom.max()) < 1
    straight, anyhow = (
        lay_flat(sample_scenes(many, config, split="train").garment).camera for config in (STRAIGHT, ANYHOW)
    )
    assert bool((anyhow.zoom <= straight.zoom).all()) and float(straight.shift.abs().max()) == 0
    furthest = anyhow.shift.abs().amax(0)
    assert bool((furthest <= torch.tensor(MOST_SHIFTED)).all()) and bool(
        (furthest > 0.9 * torch.tensor(MOST_SHIFTED)).all()
    )


def test_laying_is_a_function_of_the_garment_alone() -> None:
    world = World(ANYHOW)
    together, alone = world.paired("test", INDICES), world.paired("test", INDICES[7:8])
    torch.testing.assert_close(together.garment[7:8], alone.garment, atol=2e-5, rtol=0)
    partner = world.paired("test", world.partner("test", INDICES[7:8]))
    torch.testing.assert_close(world.unpaired("test", INDICES[7:8]).garment, partner.garment, atol=2e-5, rtol=0)


def test_a_turn_of_nothing_is_straight() -> None:
    """The two ways to the same picture: row by row, and from a table for every pixel."""
    scene: Scene = sample_scenes(INDICES, STRAIGHT, split="train")
    barely = replace(scene.garment.laid, turn=scene.garment.laid.turn + 1e-6)
    turned = render(replace(scene, garment=replace(scene.garment, laid=barely)), 64, 48)
    straight = render(scene, 64, 48)
    inside = border(straight.garment_mask).amax((1, 2)) == 0  # those that touch the border are made smaller
    assert float(inside.float().mean()) > 0.9
    torch.testing.assert_close(turned.garment_mask[inside], straight.garment_mask[inside], atol=2e-2, rtol=0)
    torch.testing.assert_close(turned.flow[inside].mean(), straight.flow[inside].mean(), atol=1e-3, rtol=0)


def test_curves_read_from_a_table() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = torch.rand(3, 6, generator=generator).cumsum(1)
    values = torch.rand(3, 2, 6, generator=generator)
    y = coordinate_grid(9, 7)[None, None, ..., 1].expand(3, 1, 9, 7) * 2
    exact = interpolate(levels, values, y[..., :1])
    torch.testing.assert_close(interpolate_anywhere(levels, values, y), exact.expand(-1, -1, -1, 7), atol=2e-3, rtol=0)
