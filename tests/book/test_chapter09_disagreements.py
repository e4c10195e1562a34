"""The traps of the released loader, each written from its description, and what vtonlib does instead."""

from __future__ import annotations

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.augment import RELEASED, Augmentation
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.moving import Move, mirror, move
from vtonlib.data.truth import BODY_PARTS
from vtonlib.data.world import World
from vtonlib.grids import warp


@pytest.fixture(scope="module")
def people() -> TryOnBatch:
    return World(DataConfig(height=32, width=24)).paired("test", torch.arange(4))


def push(x: float, y: float, *, scale: float = 1.0) -> Move:
    return Move(torch.full((4, 2), scale), torch.tensor([[float(x), float(y)]]).expand(4, 2))


@pytest.mark.disagreement("D43")
def test_a_name_that_does_not_exist_is_refused() -> None:
    documented = ["hflip", "shiftscale3", "hsv", "bright_contrast"]
    assert "shiftscale" not in documented  # the released question: membership, not a prefix
    assert RELEASED.shift_scale > 0  # what the paper describes
    with pytest.raises(TypeError, match="shiftscale3"):
        Augmentation(shiftscale3=0.5)  # type: ignore[call-arg]


@pytest.mark.disagreement("D44")
def test_a_mask_left_behind_is_beside_the_cloth(people: TryOnBatch) -> None:
    moved = move(people, push(0.3, -0.2), push(0.0, 0.0))
    stale, true = people.garment_region > 0.5, moved.garment_region > 0.5
    overlap = (stale & true).sum() / (stale | true).sum()
    assert overlap < 0.75  # the released mask
    inside = moved.flow_mask > 0  # where the truth is known, the moved region is
    assert moved.garment_region[inside].min() > 0.4


@pytest.mark.disagreement("D45")
def test_what_is_known_stays_binary_and_what_is_hidden_stays_hidden(people: TryOnBatch) -> None:
    there, elsewhere = push(0.13, 0.07, scale=0.9), push(-0.1, 0.0)
    moved = move(people, there, elsewhere)
    assert set(moved.flow_mask.unique().tolist()) <= {0.0, 1.0}
    soft = (moved.agnostic_mask > 0.01) & (moved.agnostic_mask < 0.99)
    assert soft.any()  # a covered share, as in the released loader
    # released: the moved agnostic picture, greyed once more by the moved mask
    read = warp(people.agnostic, there.sources(32, 24))
    released = read * (1 - moved.agnostic_mask)
    torch.testing.assert_close(moved.agnostic, released)
    faded = (released.abs() < 0.9 * read.abs()) & soft
    assert faded.any() and (released.abs() <= read.abs() + 1e-6).all()
    # another garment under the mask: nothing of it shows, unless the picture were greyed after the move alone
    painted = people.person.where(people.agnostic_mask < 0.5, 1.0)
    other = move(TryOnBatch(**{**people.tensors(), "person": painted}), there, elsewhere)
    assert torch.equal(other.agnostic, moved.agnostic)
    after = [batch.person * (1 - batch.agnostic_mask) for batch in (moved, other)]
    assert (after[0] - after[1]).abs().amax() > 0.05


@pytest.mark.disagreement("D46")
def test_what_comes_into_view_around_a_garment(people: TryOnBatch) -> None:
    black, white = (move(people, push(0, 0), push(0.4, 0.0), border=b).garment for b in ("black", "continued"))  # type: ignore[arg-type]
    edge = slice(0, 3)  # the garment went to the right: this came into view
    ground = people.garment_mask[..., :1].amax((1, 2, 3)) == 0  # one sleeve touches the border, and goes on
    assert ground.sum() == 3
    assert (black[..., edge] == -1).all() and (white[ground][..., edge] > 0.999).all()
    assert RELEASED.border == "black" and Augmentation().border == "continued"


@pytest.mark.disagreement("D47")
def test_a_mirror_exchanges_the_names_of_sides(people: TryOnBatch) -> None:
    def part(batch: TryOnBatch) -> torch.Tensor:
        return ((batch.dense_pose[:, 0] + 1) * (len(BODY_PARTS) - 1) / 2).round().long()

    left, right = (BODY_PARTS.index(f"{side}_upper_arm") for side in ("left", "right"))
    ours, released = mirror(people), mirror(people, dense_pose="picture")
    torch.testing.assert_close(part(ours) == right, (part(people) == left).flip(-1))
    torch.testing.assert_close(part(released) == left, (part(people) == left).flip(-1))
    columns = torch.arange(24.0)
    where = [(columns * (part(b) == left)).sum() / (part(b) == left).sum() for b in (people, ours, released)]
    assert where[0] > 12 and where[1] > 12 and where[2] < 11  # the wearer's left arm is on the picture's right
