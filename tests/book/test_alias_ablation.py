"""The experiment of figure 8: what moves, what is missing, and what its measures would say of known answers."""

from __future__ import annotations

import pytest
import torch

from benchmarks import alias_ablation as ablation
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GARMENT
from vtonlib.data.world import World
from vtonlib.grids import masked_mean
from vtonlib.models.alias import ALIASGenerator


@pytest.fixture(scope="module")
def crowd() -> TryOnBatch:
    return World(DataConfig(height=32, width=24)).paired("test", torch.arange(16))


def test_pictures_move_by_whole_pixels_each_by_its_own() -> None:
    x = torch.arange(2 * 1 * 3 * 4.0).view(2, 1, 3, 4) + 1
    down, left = ablation.moved(x, torch.tensor([[1, 0], [0, -2]])).unbind()
    assert down[0].tolist() == [[0, 0, 0, 0], *x[0, 0, :2].tolist()]
    assert left[0].tolist() == [[*row[2:], 0, 0] for row in x[1, 0].tolist()]


def test_what_is_missing_is_worn_and_not_covered(crowd: TryOnBatch) -> None:
    by = ablation.directions(torch.arange(16) % 4, torch.full((16,), 3))
    ground = torch.full((16, 3, 1, 1), 0.25)
    warp = ablation.warped(crowd, by, ground, inside=torch.full((1, 3, 1, 1), -0.5))
    worn = crowd.garment_region > 0.5
    assert (warp.missing[~worn] == 0).all() and 0.1 < masked_mean(warp.missing, worn.float()) < 0.6
    assert (warp.image.movedim(1, -1)[warp.missing[:, 0] > 0] == -0.5).all()
    uncovered = ablation.moved(worn.float(), by)[:, 0] == 0
    assert (warp.image.movedim(1, -1)[uncovered & (warp.missing[:, 0] == 0)] == 0.25).all()


def test_a_picture_that_shows_the_warp_leaks_all_and_errs_by_it(
    crowd: TryOnBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "paint", lambda arm, model, batch, warp, noise: warp.image)
    found = ablation.scores(ablation.ARMS["alias"], "white", torch.nn.Identity(), crowd)  # type: ignore[arg-type]
    assert torch.allclose(found["leak_near"], torch.ones(())) and torch.allclose(found["leak_far"], torch.ones(()))
    assert (found["swapped_far"] > 0).all() and not torch.allclose(found["error_far"], found["swapped_far"])


def test_a_filled_hole_cannot_leak_and_a_strangers_mask_is_another(crowd: TryOnBatch) -> None:
    filled = ablation.ARMS["filled"]
    found = ablation.scores(filled, "random", ablation.new_generator(filled, 0), crowd)
    assert (found["leak_far"] < 1e-6).all() and (found["leak_near"] < 1e-6).all()
    masks = {}

    def keep(name: str, arm: ablation.Arm) -> None:
        def record(
            inputs: torch.Tensor, parse: torch.Tensor, divided: torch.Tensor, mask: torch.Tensor, **_: object
        ) -> torch.Tensor:
            masks[name] = mask
            assert torch.allclose(divided.sum(1), parse.sum(1))
            return inputs[:, :3]

        by = ablation.directions(torch.arange(16) % 4, torch.full((16,), 3))
        warp = ablation.warped(crowd, by, torch.ones(16, 3, 1, 1))
        ablation.paint(arm, record, crowd, warp, torch.Generator())  # type: ignore[arg-type]

    for name in ("alias", "strangers"):
        keep(name, ablation.ARMS[name])
    worn = ablation.true_groups(crowd)[:, GARMENT] > 0
    assert not torch.equal(masks["alias"], masks["strangers"]) and (masks["strangers"][:, 0][~worn] == 0).all()


def test_the_arms_differ_in_what_their_blocks_standardize_by() -> None:
    models = {name: ablation.new_generator(arm, 0) for name, arm in ablation.ARMS.items()}
    kinds = {
        name: [type(block.norm_0.param_free_norm).__name__ for block in model.blocks]  # type: ignore[union-attr]
        for name, model in models.items()
    }
    assert kinds["alias"] == kinds["strangers"] == ["MaskNorm"] * 4
    assert kinds["half"] == ["MaskNorm"] * 2 + ["InstanceNorm2d"] * 2
    assert kinds["instance"] == kinds["instance_div"] == kinds["filled"] == ["InstanceNorm2d"] * 4
    assert kinds["spade"] == ["BatchNorm2d"] * 4
    assert isinstance(models["alias"], ALIASGenerator)
