"""The world of one row."""

from __future__ import annotations

import pytest
import torch

from vtonlib.models.strip import CELLS, PARTS, How, StripMatcher, draw_strips, train_strip_matcher


@pytest.mark.parametrize("how", ["none", "together", "separate"])
def test_strips_are_shifted_as_said(how: How) -> None:
    strips = draw_strips(400, how, torch.Generator().manual_seed(0))
    equal = float((strips.person == strips.garment).float().mean())
    assert equal < 0.3 if how == "separate" else equal == 1
    assert (strips.garment.unique().numel() == 1) is (how == "none")
    assert (strips.mask.sum(1) == PARTS).all() and strips.mask.shape == (400, CELLS)
    one, cells = strips.garment[7], torch.arange(PARTS)
    torch.testing.assert_close(strips.wanted()[7], strips.colours[7, one + cells])
    assert (strips.parts()[7].argmax(-1) == strips.person[7] + cells).all()


def test_the_blind_twin_does_not_depend_on_the_mask() -> None:
    strips = draw_strips(5, "separate", torch.Generator().manual_seed(1))
    moved = draw_strips(5, "separate", torch.Generator().manual_seed(2))
    swapped = type(strips)(strips.person, moved.garment, moved.mask, strips.colours)
    for sees in (True, False):
        torch.manual_seed(0)
        model = StripMatcher(sees=sees)
        same = torch.equal(model(strips, strips.colours), model(swapped, strips.colours))
        assert same is not sees


def test_training_is_repeatable_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one, two = (train_strip_matcher("none", sees=False, seed=4, steps=3) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_way_is_refused() -> None:
    with pytest.raises(ValueError, match="'apart', expected one of none, together, separate"):
        draw_strips(2, "apart", torch.Generator())  # type: ignore[arg-type]
