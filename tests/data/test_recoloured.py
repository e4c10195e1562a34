"""Recoloured garments: the world's geometry on a lattice, other colours."""

import torch

from vtonlib.config import DataConfig
from vtonlib.data.recoloured import ColourFields, Painting, on_lattice, place_colours, read_places
from vtonlib.data.world import World


def batch():
    return World(DataConfig(laid="anyhow")).paired("test", torch.arange(16))


def test_geometry_is_the_worlds() -> None:
    """A token's place is the mean place of its pixels, those of the window's rows and columns."""
    whole = batch()
    lattice = on_lattice(whole, 10, 8)
    assert lattice.person.shape == (16, 7, 40, 32) and 0.15 < lattice.known.mean() < 0.6
    row, column = 6, 4
    pixels = slice(24 + 4 * row, 28 + 4 * row), slice(8 + 4 * column, 12 + 4 * column)
    mask = whole.flow_mask[:, 0, *pixels].flatten(1)
    assert torch.equal(lattice.known[:, 0, row, column], (mask.mean(1) > 0.5).float())
    places = (whole.flow[:, *pixels].flatten(1, 2) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    inside = mask.mean(1) > 0.5
    torch.testing.assert_close(lattice.flow[inside, row, column], places[inside])


def test_a_field_is_a_function_of_place() -> None:
    fields = ColourFields.random(3, torch.Generator().manual_seed(0))
    places = torch.rand(3, 4, 5, 2) * 2 - 1
    colours = fields.at(places)
    assert colours.abs().max() <= 1 and colours.flatten(2).std(-1).min() > 0.02
    torch.testing.assert_close(fields.at(places.flip(2)), colours.flip(3))


def test_the_truth_of_places_is_the_flow_and_the_target_keeps_the_rest() -> None:
    lattice = on_lattice(batch(), 10, 8)
    task = Painting.of(lattice, place_colours)
    torch.testing.assert_close(read_places(task.truth), lattice.flow)
    torch.testing.assert_close(task.target * (1 - lattice.known), lattice.kept * (1 - lattice.known))
    assert float(task.loss(task.target)) == 0
    outside = lattice.cover == 0
    assert torch.equal(task.garment[outside.expand_as(task.garment)].unique(), torch.ones(1))
