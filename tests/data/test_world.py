"""The procedural world: what it promises about its examples."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError

from vtonlib.config import DataConfig
from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.render import FULL, paint, render
from vtonlib.data.scene import CATEGORIES, CYCLE, UPPER, identities, sample_scenes
from vtonlib.data.source import SPLITS, Split, TryOnSource, as_indices
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.grids import warp

CONFIG = DataConfig()
WORLD = World(CONFIG, train_size=1000, test_size=100)
INDICES = torch.arange(48)
SIZES = [(64, 48), (48, 64), (57, 43), (40, 40)]
GOLDEN = Path(__file__).parents[1] / "goldens" / "world.json"


def batch_of(height: int, width: int, split: Split = "train", *, unpaired: bool = False) -> TryOnBatch:
    world = World(DataConfig(height=height, width=width), train_size=1000, test_size=100)
    return (world.unpaired if unpaired else world.paired)(split, INDICES)


def label(batch: TryOnBatch, *names: str) -> torch.Tensor:
    return batch.parse[:, [PARSE_LABELS.index(n) for n in names]].sum(1, keepdim=True)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("split", ["train", "cross"])
def test_the_garment_read_through_the_flow_is_what_is_worn(height: int, width: int, split: Split) -> None:
    """The defining test: warp(garment, flow) == albedo, and person == albedo * shading, where the flow is known."""
    scenes = sample_scenes(INDICES, CONFIG, split=split)
    picture = paint(scenes, height, width)
    batch = picture.batch
    assert 0.03 < float(batch.flow_mask.mean()) < 0.5
    read = warp((batch.garment + 1) / 2, batch.flow)
    torch.testing.assert_close(read * batch.flow_mask, picture.albedo * batch.flow_mask, atol=2e-3, rtol=0)
    worn = read * picture.shading
    torch.testing.assert_close(worn * batch.flow_mask, (batch.person + 1) / 2 * batch.flow_mask, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_flow_stays_within_the_flat_garment(height: int, width: int) -> None:
    batch = batch_of(height, width)
    inside = warp(batch.garment_mask, batch.flow)
    assert float((inside[batch.flow_mask > 0]).min()) > 0.99
    assert float(batch.flow.abs().max()) <= 1
    assert float(batch.flow[(batch.flow_mask == 0).movedim(1, -1)[..., 0]].abs().max()) == 0


def test_the_flow_turns_with_the_limb() -> None:
    """On the same sleeve, two poses of the arm read the same cloth at other places of the picture."""
    scenes = sample_scenes(INDICES, CONFIG, split="train")
    raised = replace(scenes, pose=replace(scenes.pose, arm_angle=scenes.pose.arm_angle + 0.5))
    one, two = render(scenes, 64, 48), render(raised, 64, 48)
    assert torch.equal(one.garment, two.garment)
    sleeved = (scenes.garment.sleeve > 0.4) & (scenes.garment.category == UPPER)
    both = (one.flow_mask * two.flow_mask)[sleeved].movedim(1, -1)
    assert float(((one.flow - two.flow)[sleeved].abs() * both).amax()) > 0.2


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("split", SPLITS)
def test_shapes_and_ranges(height: int, width: int, split: Split) -> None:
    b, n = batch_of(height, width, split), len(INDICES)
    shapes = {
        "person": 3, "garment": 3, "garment_mask": 1, "agnostic": 3, "agnostic_mask": 1, "dense_pose": 3,
        "parse": len(PARSE_LABELS), "garment_region": 1, "flow_mask": 1, "warped_garment": 3, "misalign_mask": 1,
    }  # fmt: skip
    for name, channels in shapes.items():
        field = getattr(b, name)
        assert field.shape == (n, channels, height, width), name
        assert field.dtype == torch.float32 and bool(torch.isfinite(field).all()), name
        low = 0 if channels == 1 or name == "parse" else -1
        assert low <= float(field.min()) and float(field.max()) <= 1, name
        assert float(field.std()) > 0, name
    assert b.flow.shape == (n, height, width, 2) and b.keypoints.shape == (n, len(KEYPOINTS), 2)
    assert torch.equal(b.index, INDICES)


def test_masks_that_must_be_hard_are() -> None:
    batch = batch_of(57, 43)
    for mask in (batch.flow_mask, batch.agnostic_mask, batch.parse):
        assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert bool((batch.parse.sum(1) == 1).all())
    soft = (batch.garment_region > 0) & (batch.garment_region < 1)
    assert 0.001 < float(soft.float().mean()) < 0.1  # anti-aliased


def test_masks_agree_with_one_another() -> None:
    batch = batch_of(64, 48)
    worn = label(batch, "upper_garment", "lower_garment", "dress")
    assert bool((batch.flow_mask <= (batch.garment_region > FULL)).all())
    assert bool((worn[batch.garment_region > 0.9] == 1).all())
    assert bool((batch.agnostic_mask[batch.garment_region > 0] == 1).all())
    assert bool((batch.misalign_mask <= batch.garment_region).all())
    assert 0.005 < float(batch.misalign_mask.sum() / batch.garment_region.sum()) < 0.3
    white = (batch.garment_mask == 0).expand_as(batch.garment)
    assert bool((batch.garment[white] == 1).all())


def test_the_agnostic_image_is_the_person_with_a_hole() -> None:
    batch = batch_of(64, 48)
    assert torch.equal(batch.agnostic, batch.person * (1 - batch.agnostic_mask))
    assert float((label(batch, "face") * batch.agnostic_mask).sum()) < 0.02 * float(label(batch, "face").sum())


@pytest.mark.parametrize(("height", "width"), [(64, 48), (33, 29), (96, 72)])
@pytest.mark.parametrize("split", SPLITS)
def test_nothing_a_model_may_see_depends_on_the_garment_worn(height: int, width: int, split: Split) -> None:
    """Not one bit: otherwise a model could read the paired answer off the outline of the hole."""
    paired, unpaired = batch_of(height, width, split), batch_of(height, width, split, unpaired=True)
    for name in ("agnostic", "agnostic_mask", "dense_pose", "keypoints"):
        torch.testing.assert_close(
            getattr(paired, name), getattr(unpaired, name), atol=0, rtol=0, equal_nan=True, msg=name
        )
    assert float((paired.person - unpaired.person).abs().mean()) > 0.02


def test_unpaired_is_the_same_person_in_the_partners_garment() -> None:
    batch, partner = WORLD.unpaired("test", INDICES), WORLD.partner("test", INDICES)
    torch.testing.assert_close(batch.garment, WORLD.paired("test", partner).garment, atol=1e-5, rtol=0)
    assert torch.equal(batch.index, INDICES)
    read = warp(batch.garment, batch.flow)
    unlit = ((batch.person - read) * batch.flow_mask).abs().sum() / (batch.flow_mask.sum() * 3)
    assert float(unlit) < 0.25  # the truth belongs to the garment worn: only light is missing


def test_partners_suit() -> None:
    every = torch.arange(WORLD.size("test"))
    partner = WORLD.partner("test", every)
    assert torch.equal(partner % len(CYCLE), every % len(CYCLE)) and bool((partner != every).all())
    scenes = sample_scenes(torch.arange(8), CONFIG, split="train")
    assert scenes.garment.category.tolist() == list(CYCLE) and len(CATEGORIES) == 3
    with pytest.raises(ValueError, match="categories"):
        scenes.wearing(sample_scenes(torch.arange(1, 9), CONFIG, split="train").garment)


@pytest.mark.parametrize("split", SPLITS)
def test_an_example_does_not_depend_on_its_batch(split: Split) -> None:
    together = WORLD.paired(split, INDICES)
    for i in (0, 4, 26, 47):
        alone = WORLD.paired(split, INDICES[i : i + 1])
        for name, field in together.tensors().items():
            torch.testing.assert_close(
                field[i : i + 1], getattr(alone, name), atol=2e-5, rtol=0, equal_nan=True, msg=f"{name} of {i}"
            )


def test_the_seed_makes_another_world() -> None:
    again = World(CONFIG).paired("train", INDICES[:8])
    other = World(replace(CONFIG, seed=1)).paired("train", INDICES[:8])
    assert torch.equal(again.person, WORLD.paired("train", INDICES[:8]).person)
    assert float((again.garment - other.garment).abs().mean()) > 0.05


def test_splits_share_no_body_and_no_garment() -> None:
    every = torch.arange(1000)
    numbers = torch.cat([identities(every, split) for split in SPLITS])
    assert len(numbers.unique()) == 3 * len(every)
    scenes = {split: sample_scenes(every, CONFIG, split=split) for split in SPLITS}
    bodies = torch.cat([torch.stack((s.body.build, s.body.jaw, s.body.waist), 1) for s in scenes.values()])
    garments = torch.cat([torch.cat((s.garment.variant, s.garment.scale[:, None]), 1) for s in scenes.values()])
    assert len(bodies.unique(dim=0)) == len(garments.unique(dim=0)) == 3 * len(every)
    assert not scenes["train"].setting.street.any() and scenes["cross"].setting.street.all()


def test_everything_is_there() -> None:
    scenes = sample_scenes(torch.arange(400), CONFIG, split="train")
    assert set(scenes.garment.texture.tolist()) == set(range(len(TEXTURES)))
    assert set(scenes.body.hair_style.tolist()) == set(range(6))
    seen = render(scenes[:64], 64, 48).parse.sum((0, 2, 3)) > 0
    missing = {name for name, there in zip(PARSE_LABELS, seen, strict=True) if not there}
    assert missing <= {"shoes"}  # the camera ends above the ankles
    tones = scenes.body.skin.mean(1)
    assert float(tones.min()) < 0.3 and float(tones.max()) > 0.8


def test_joints_lie_on_their_parts() -> None:
    """A joint that is in the picture lies on the body; left is the image's right."""
    batch = batch_of(128, 96)
    body = (batch.dense_pose[:, :1] > -1).float()
    known = batch.keypoints.isfinite().all(-1)
    place = torch.where(known[..., None], batch.keypoints, 0.0)
    on_body = warp(body, place[:, None])[:, 0, 0]
    assert float(on_body[known].mean()) > 0.98
    left, right = (KEYPOINTS.index(f"{side}_shoulder") for side in ("left", "right"))
    both = known[:, left] & known[:, right]
    assert bool(both.any()) and bool((place[both, left, 0] > place[both, right, 0]).all())
    assert float(place.abs().max()) <= 1


def test_dense_pose_is_continuous_on_each_part() -> None:
    batch = batch_of(128, 96)
    part, uv = batch.dense_pose[:, :1], batch.dense_pose[:, 1:]
    assert len(part.unique()) <= 9
    same = (part[..., 1:, :] == part[..., :-1, :]) & (part[..., 1:, :] > -1)
    jump = (uv[..., 1:, :] - uv[..., :-1, :]).abs().amax(1, keepdim=True)[same]
    assert float(jump.quantile(0.99)) < 0.2


@pytest.mark.parametrize("indices", [torch.tensor([1000]), torch.tensor([-1])])
def test_indices_outside_a_split(indices: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"train must lie in \[0, 1000\)"):
        WORLD.paired("train", indices)


@pytest.mark.parametrize("given", [[3, 0, 17], (3, 0, 17), range(2, 5), []], ids=str)
def test_examples_are_read_by_lists_and_ranges_too(given: list[int]) -> None:
    expected = torch.tensor(list(given), dtype=torch.long)
    for read in (WORLD.paired, WORLD.unpaired):
        assert torch.equal(read("test", given).index, expected)
        assert torch.equal(read("test", given).person, read("test", expected).person)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (torch.rand(2), "torch.float32 (2,)"),
        (torch.tensor([[1, 2]]), "torch.int64 (1, 2)"),
        (torch.tensor([True, False]), "torch.bool (2,)"),
        ([0.5, 1], "torch.float32 (2,)"),
        (3, "torch.int64 ()"),
        (["a"], "['a']"),
        (None, "None"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_indices_that_are_no_row_of_whole_numbers_are_refused(given: object, found: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"such as [0, 3], found {found}")):
        as_indices(given)  # type: ignore[arg-type]


def test_bad_arguments_are_named() -> None:
    refused = (ValueError, TypeCheckError)  # the suite's own type check may come first
    with pytest.raises(refused, match="dev"):
        WORLD.size("dev")  # type: ignore[arg-type]
    with pytest.raises(refused, match="dev"):
        identities(INDICES, "dev")  # type: ignore[arg-type]
    with pytest.raises(refused, match=r"whole numbers|Int\[Tensor"):
        identities(torch.rand(3), "train")
    with pytest.raises(ValueError, match="at least 16 pixels"):
        World(DataConfig(height=64, width=8))
    with pytest.raises(ValueError, match="test_size is 3"):
        World(CONFIG, test_size=3)


def test_it_is_a_source() -> None:
    source: TryOnSource = WORLD
    assert [source.size(split) for split in SPLITS] == [1000, 100, 100]


def test_empty_batches_are_allowed() -> None:
    assert len(WORLD.paired("train", INDICES[:0])) == 0


def digest(batch: TryOnBatch) -> dict[str, list[float]]:
    """Means over a 4 x 3 raster, of every field of an example."""
    fields = {n: t for n, t in batch.tensors().items() if n not in {"index", "keypoints"}}
    fields["flow"] = fields["flow"].movedim(-1, 1)
    return {n: torch.nn.functional.adaptive_avg_pool2d(t, (4, 3)).flatten().tolist() for n, t in fields.items()}


def test_ten_scenes_look_as_they_did() -> None:
    """Golden: fails when the world changes. Then trained weights and claims are void: see CONTRIBUTING.

    Write it anew with ``python tests/data/test_world.py``.
    """
    golden = json.loads(GOLDEN.read_text(encoding="utf8"))
    for split in ("train", "cross"):
        now = digest(WORLD.paired(split, torch.arange(5)))
        for name, values in golden[split].items():
            torch.testing.assert_close(torch.tensor(now[name]), torch.tensor(values), atol=5e-3, rtol=0, msg=name)


if __name__ == "__main__":
    rounded = {
        split: {n: [round(v, 4) for v in vs] for n, vs in digest(WORLD.paired(split, torch.arange(5))).items()}
        for split in ("train", "cross")
    }
    GOLDEN.write_text(json.dumps(rounded) + "\n", encoding="utf8")


def test_anybody_in_any_garment_of_the_category() -> None:
    world = World(DataConfig())
    persons, garments = torch.tensor([0, 0, 1]), torch.tensor([1, 3, 3])
    batch = world.dressed("test", persons, garments)
    alone = world.paired("test", torch.tensor([1, 3, 3]))
    assert torch.equal(batch.garment, alone.garment) and torch.equal(batch.agnostic[0], batch.agnostic[1])
    assert not torch.equal(batch.person[0], batch.person[1])
    theirs = world.dressed("test", persons, persons)
    assert torch.equal(theirs.person, world.paired("test", persons).person)
    with pytest.raises(ValueError, match="categories"):
        world.dressed("test", torch.tensor([0]), torch.tensor([2]))
