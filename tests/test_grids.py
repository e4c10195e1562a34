import ast
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vtonlib
from vtonlib.grids import (
    coordinate_grid,
    masked_mean,
    masked_mean_per_sample,
    resize_flow,
    resize_image,
    resize_mask,
    to_pixels,
    warp,
)

SIDES = st.integers(1, 9)
DOUBLE = torch.float64
SAMPLING = {"grid_sample", "affine_grid", "interpolate"}


def identity(batch, height, width):
    return coordinate_grid(height, width, dtype=DOUBLE).expand(batch, -1, -1, -1)


def test_the_grid_of_a_3x2_lattice():
    expected = [[[-1, -1], [1, -1]], [[-1, 0], [1, 0]], [[-1, 1], [1, 1]]]
    assert coordinate_grid(3, 2).tolist() == expected


@given(height=SIDES, width=SIDES)
@settings(deadline=None, max_examples=30)
def test_the_grid_is_centred_and_equally_spaced(height, width):
    grid = coordinate_grid(height, width, dtype=DOUBLE)
    assert grid.shape == (height, width, 2) and grid.dtype == DOUBLE
    torch.testing.assert_close(grid.flip(0, 1), -grid)
    for axis, side in ((1, width), (0, height)):
        step = grid.diff(dim=axis)[..., 1 - axis]
        if side > 1:
            torch.testing.assert_close(step, torch.full_like(step, 2 / (side - 1)))
        else:
            assert (grid[..., 1 - axis] == 0).all()


@pytest.mark.parametrize("height, width", [(0, 3), (3, 0), (-1, 2)])
def test_a_grid_needs_a_pixel(height, width):
    with pytest.raises(ValueError, match=f"found {height}x{width}"):
        coordinate_grid(height, width)


def test_to_pixels_scales_x_by_width_and_y_by_height():
    flow = torch.tensor([[2.0, 2.0], [1.0, 0.0], [0.0, -1.0]])
    assert to_pixels(flow, 5, 3).tolist() == [[2, 4], [1, 0], [0, -2]]


@given(height=SIDES, width=SIDES)
@settings(deadline=None, max_examples=30)
def test_warping_through_the_identity_changes_nothing(height, width):
    image = torch.randn(2, 3, height, width, dtype=DOUBLE)
    torch.testing.assert_close(warp(image, identity(2, height, width)), image)


def test_warp_reads_the_named_places():
    image = torch.arange(12, dtype=DOUBLE).reshape(1, 1, 3, 4)
    places = torch.tensor([[[[-1, -1], [1, -1], [-1, 1], [1, 1], [0, 0], [1 / 3, 0.5]]]], dtype=DOUBLE)
    torch.testing.assert_close(warp(image, places).flatten(), torch.tensor([0, 3, 8, 11, 5.5, 8], dtype=DOUBLE))


def test_warp_continues_the_border():
    image = torch.arange(12, dtype=DOUBLE).reshape(1, 1, 3, 4)
    places = torch.tensor([[[[-5, -5], [9, -1], [1.5, 7]]]], dtype=DOUBLE)
    assert warp(image, places).flatten().tolist() == [0, 3, 11]


def test_warp_mirrors_left_and_right_only():
    image = torch.randn(2, 3, 4, 5, dtype=DOUBLE)
    mirror = identity(2, 4, 5) * torch.tensor([-1, 1], dtype=DOUBLE)
    torch.testing.assert_close(warp(image, mirror), image.flip(-1))


def test_bicubic_reading_keeps_the_texture_that_bilinear_reading_loses():
    x = torch.arange(24, dtype=DOUBLE)
    stripes = (x * 2.0).sin().expand(1, 1, 3, 24)  # about three pixels each
    half = identity(1, 3, 24) + torch.tensor([1 / 23, 0.0], dtype=DOUBLE)  # half a pixel to the right
    truth = ((x + 0.5) * 2.0).sin()[2:-3]
    kept = {mode: warp(stripes, half, mode=mode)[0, 0, 1, 2:-3].std() / truth.std() for mode in ("bilinear", "bicubic")}
    torch.testing.assert_close(kept["bilinear"], torch.tensor(math.cos(1.0), dtype=DOUBLE), atol=0.02, rtol=0)
    assert kept["bilinear"] + 0.15 < kept["bicubic"] < 1


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_warp_by_gradcheck(mode):
    image = torch.randn(2, 2, 3, 4, dtype=DOUBLE, requires_grad=True)
    flow = ((torch.rand(2, 2, 5, 2, dtype=DOUBLE) - 0.5) * 1.7).requires_grad_()
    assert torch.autograd.gradcheck(lambda *x: warp(*x, mode=mode), (image, flow))


@given(h=SIDES, w=SIDES, height=SIDES, width=SIDES)
@settings(deadline=None, max_examples=40)
def test_resizing_keeps_every_affine_flow_exactly(h, w, height, width):
    matrix = torch.tensor([[0.7, -0.2], [0.1, 1.1]], dtype=DOUBLE)
    # from a side of one pixel, whose coordinate is 0, nothing can be known about the slope
    slope = torch.tensor([w > 1 or width == 1, h > 1 or height == 1], dtype=DOUBLE)
    flows = [identity(2, *size) * slope @ matrix + 0.3 for size in ((h, w), (height, width))]
    if (height == 1 and h > 1) or (width == 1 and w > 1):
        return  # torch reads the first pixel of a side that is shrunk to one
    torch.testing.assert_close(resize_flow(flows[0], height, width), flows[1])


def test_resizing_the_identity_flow_between_the_books_lattices():
    for height, width in ((64, 48), (32, 24), (128, 96), (7, 5)):
        resized = resize_flow(coordinate_grid(8, 6)[None], height, width)
        assert (resized - coordinate_grid(height, width)).abs().max() < 1e-6


def test_resizing_to_the_same_size_is_free():
    flow, image, mask = torch.randn(1, 3, 4, 2), torch.randn(1, 3, 3, 4), torch.rand(1, 1, 3, 4)
    assert resize_flow(flow, 3, 4) is flow and resize_image(image, 3, 4) is image and resize_mask(mask, 3, 4) is mask


def test_resize_image_keeps_constants_and_averages_areas():
    constant = torch.full((1, 3, 8, 6), 0.25)
    torch.testing.assert_close(resize_image(constant, 5, 9), torch.full((1, 3, 5, 9), 0.25))
    ramp = torch.arange(8, dtype=DOUBLE).expand(1, 1, 4, 8)
    halved = resize_image(ramp, 2, 4)
    torch.testing.assert_close(halved.flip(-1), 7 - halved)  # no shift by half a pixel
    torch.testing.assert_close(halved[0, 0, 0, 1:3], torch.tensor([2.5, 4.5], dtype=DOUBLE))
    assert resize_image((ramp % 2) * 2 - 1, 4, 2).abs().max() < 0.2, "anti-aliased: stripes of a pixel turn grey"


def test_resize_mask_gives_the_covered_fraction():
    mask = torch.zeros(1, 1, 4, 6)
    mask[..., :2, :3] = 1
    assert resize_mask(mask, 2, 2).flatten().tolist() == [1, 0, 0, 0]
    assert resize_mask(mask, 2, 3).flatten().tolist() == [1, 0.5, 0, 0, 0, 0]


def test_resize_mask_keeps_hard_edges_when_it_grows():
    mask = torch.tensor([[[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]]])
    assert torch.equal(resize_mask(mask, 6, 4), mask.repeat_interleave(2, -1).repeat_interleave(2, -2))


@given(height=st.integers(1, 20), width=st.integers(1, 20))
@settings(deadline=None, max_examples=40)
def test_resize_mask_stays_a_mask(height, width):
    mask = (torch.rand(2, 1, 12, 9) > 0.5).float()
    resized = resize_mask(mask, height, width)
    assert resized.shape == (2, 1, height, width) and 0 <= resized.min() and resized.max() <= 1
    torch.testing.assert_close(resize_mask(1 - mask, height, width), 1 - resized)


def test_masked_mean_of_a_hand_written_case():
    x = torch.tensor([[[[1.0, 2.0, 3.0]], [[5.0, 6.0, 7.0]]]])
    assert masked_mean(x, torch.tensor([[[[1.0, 0.0, 1.0]]]])) == 4.0
    assert masked_mean(x, torch.tensor([[[[1.0, 0.0, 0.25]]]])) == (6 + 10 * 0.25) / 2.5


def test_masked_mean_of_a_full_mask_is_the_mean():
    x = torch.randn(2, 3, 4, 5, dtype=DOUBLE)
    torch.testing.assert_close(masked_mean(x, torch.ones(2, 1, 4, 5, dtype=DOUBLE)), x.mean())


def test_masked_mean_weighs_samples_by_their_mask_and_the_other_does_not():
    x = torch.tensor([1.0, 4.0]).reshape(2, 1, 1, 1).expand(2, 1, 2, 3)
    mask = torch.zeros(2, 1, 2, 3)
    mask[0], mask[1, 0, 0, 0] = 1, 1
    assert masked_mean(x, mask) == (6 * 1 + 4) / 7
    assert masked_mean_per_sample(x, mask).tolist() == [1, 4]


@pytest.mark.parametrize("mean", [masked_mean, masked_mean_per_sample])
def test_an_empty_mask_gives_0_with_gradient_0(mean):
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    result = mean(x, torch.zeros(2, 1, 4, 5))
    result.sum().backward()
    assert (result == 0).all() and (x.grad == 0).all()


def test_an_empty_sample_leaves_the_others_alone():
    x = torch.randn(2, 3, 4, 5, dtype=DOUBLE, requires_grad=True)
    mask = torch.ones(2, 1, 4, 5, dtype=DOUBLE)
    mask[0] = 0
    result = masked_mean_per_sample(x, mask)
    result.sum().backward()
    torch.testing.assert_close(result, torch.stack([torch.zeros((), dtype=DOUBLE), x[1].mean()]))
    assert (x.grad[0] == 0).all() and torch.isfinite(x.grad).all()
    torch.testing.assert_close(masked_mean(x, mask), x[1].mean())


@pytest.mark.parametrize("mean", [masked_mean, masked_mean_per_sample])
def test_masked_means_by_gradcheck(mean):
    x = torch.randn(2, 2, 3, 4, dtype=DOUBLE, requires_grad=True)
    mask = torch.rand(2, 1, 3, 4, dtype=DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(mean, (x, mask))


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_types_are_kept(dtype):
    x, mask, flow = (
        torch.randn(1, 3, 4, 6).to(dtype),
        torch.ones(1, 1, 4, 6, dtype=dtype),
        torch.zeros(1, 4, 6, 2).to(dtype),
    )
    for result in (
        masked_mean(x, mask),
        masked_mean_per_sample(x, mask),
        warp(x, flow),
        resize_flow(flow, 5, 5),
        resize_mask(mask, 2, 3),
        resize_image(x, 2, 3),
        to_pixels(flow, 3, 2),
    ):
        assert result.dtype == dtype


def sampling_calls(source):
    """Names of torch's sampling functions that a source file takes, as ``F.name`` or by import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            yield from {node.attr} & SAMPLING
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            yield from {alias.name for alias in node.names} & SAMPLING


def test_nothing_else_samples_a_grid_or_interpolates():
    package = Path(vtonlib.__file__).parent
    files = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    users = {str(path.relative_to(package)) for path, source in files.items() if any(sampling_calls(source))}
    mistakes = {
        "check/conditional.py",
        "check/folders.py",
        "check/short_way.py",
    }  # typical ones of exercises are other interpolations
    assert users == {"grids.py"} | mistakes
