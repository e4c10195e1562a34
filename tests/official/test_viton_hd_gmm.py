"""VITON-HD's geometric matching: its keys, its coordinates, its results."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from gan_goldens import Golden, names
from golden_recipe import drawn, recipe_state
from torch import Tensor

from vtonlib.grids import coordinate_grid, warp
from vtonlib.models.geometric_matching import correlation
from vtonlib.official import load
from vtonlib.official.viton_hd_gmm import REACH, VITONHDMatcher, build, released_offsets
from vtonlib.thin_plate import lattice_flow

DTYPES = (torch.float32, torch.float64)


def from_theta(theta: Tensor, side: int) -> Tensor:
    """[b rows columns 2] from the released order: all x, then all y, each column by column."""
    x_and_y = [part.reshape(-1, side, side).mT for part in theta.chunk(2, dim=1)]
    return torch.stack(x_and_y, dim=-1)


def to_edges(flow: Tensor, height: int, width: int) -> Tensor:
    """Our coordinates as ``align_corners=False`` counts them."""
    return flow * torch.tensor([(width - 1) / width, (height - 1) / height]).to(flow)


def official_state(seed: int) -> dict[str, Tensor]:
    ours = VITONHDMatcher(size=(64, 64)).state_dict()
    parts = {"person_features": "extractionA.model", "garment_features": "extractionB.model"}
    keys = {key: parts.get(key.split(".")[0], "regression") + "." + key.partition(".")[2] for key in ours}
    return recipe_state({keys[key]: tuple(value.shape) for key, value in ours.items()}, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("tps"))
def test_grid_and_gradient_equal_the_official_ones(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    opt = golden.args["opt"]
    height, width = opt["load_height"], opt["load_width"]
    theta = golden["theta"].requires_grad_()
    offsets = from_theta(theta, opt["grid_size"])
    grid = to_edges(lattice_flow(released_offsets(offsets, height, width), height, width), height, width)
    golden.check("grid", grid)
    (grid * golden["ct"]).sum().backward()
    golden.check("grad.theta", theta.grad)
    image = golden["img"]  # has another size than the grid: its own size is what coordinates refer to
    flow = lattice_flow(released_offsets(offsets, *image.shape[-2:]), height, width)
    golden.check("warped", warp(image, flow))
    assert not golden.unchecked


def test_matcher_equals_the_official_one() -> None:
    golden = Golden("gmm_recipe")
    seed, batch = golden.args["seed"], golden.args["batch"]
    matcher = load("viton_hd_gmm", official_state(seed))
    assert isinstance(matcher, VITONHDMatcher) and matcher.size == (64, 64) and matcher.control == (5, 5)
    person, garment = (drawn(f"input{x}", (batch, c, 64, 64), seed).float() for x, c in (("A", 7), ("B", 3)))
    with torch.no_grad():
        features = matcher.person_features(person), matcher.garment_features(garment)
        golden.check("corr_slice", correlation(*(F.normalize(f, dim=1) for f in features))[:, :6, :4, :4])
        offsets = matcher.offsets(person, garment)
        grid = to_edges(matcher(person, garment, size=(256, 256)), 256, 256)
    stride = golden.args["grid_stride"]
    golden.check("theta", offsets.permute(0, 3, 2, 1).flatten(1))
    golden.check("grid_strided", grid[:, ::stride, ::stride])
    golden.check("grid_mean_std", torch.stack((grid.mean(), grid.std())))
    assert not golden.unchecked
    # the golden's own tolerance would let other inputs pass: this network hardly listens to them
    torch.testing.assert_close(from_theta(golden.wanted["theta"], 5), offsets, atol=1e-6, rtol=0)


def test_offsets_keep_their_precision() -> None:
    edge = released_offsets(torch.zeros(1, 2, 2, 2, dtype=torch.float64), 10, 14)[0, 0, 0]
    torch.testing.assert_close(
        edge, 1 - REACH * torch.tensor([14 / 13, 10 / 9], dtype=torch.float64), rtol=0, atol=1e-15
    )


def test_an_unmoved_lattice_enlarges_the_middle() -> None:
    offsets = released_offsets(torch.zeros(1, 3, 4, 2, dtype=torch.float64), 10, 14)
    grid = to_edges(lattice_flow(offsets, 10, 14), 10, 14)
    torch.testing.assert_close(grid[0], REACH * coordinate_grid(10, 14, dtype=torch.float64))


@pytest.mark.parametrize(("places", "size"), [(16, (64, 64)), (192, (256, 192)), (64, (128, 128)), (48, (192, 64))])
def test_the_image_size_is_inferred_upright(places: int, size: tuple[int, int]) -> None:
    state = {key: torch.zeros(2, 3, 4, 4) for key in official_state(0)}
    state["regression.conv.0.weight"] = torch.zeros(2, places, 4, 4)
    state["regression.linear.bias"] = torch.zeros(18)
    matcher = build(state)
    assert matcher.size == size and matcher.control == (3, 3)
    with pytest.raises(ValueError, match="wrong shapes"):
        load("viton_hd_gmm", state)


def test_places_that_are_no_map_are_named() -> None:
    state = official_state(0) | {"regression.conv.0.weight": torch.zeros(2, 20, 4, 4)}
    with pytest.raises(ValueError, match="reads 20 places: expected a multiple of 16"):
        load("viton_hd_gmm", state)
