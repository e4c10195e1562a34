"""Geometric matching: the correlation by its formula, the matcher by its properties."""

from __future__ import annotations

import pytest
import torch

from vtonlib.grids import coordinate_grid, warp
from vtonlib.models.geometric_matching import GeometricMatcher, correlation

TINY = {"size": (16, 24), "channels": (4, 8), "regressor": (8, 6), "strided": 1, "control": (3, 4)}


def new_matcher(**options) -> GeometricMatcher:
    torch.manual_seed(0)
    return GeometricMatcher(5, 3, **TINY | options)


def moved(matcher: GeometricMatcher) -> GeometricMatcher:
    """Away from the identity."""
    torch.nn.init.normal_(matcher.regression.linear.weight, std=0.5)
    return matcher


def images(height: int = 16, width: int = 24, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    person, garment = (torch.rand(2, c, height, width, generator=generator, dtype=dtype) for c in (5, 3))
    return 2 * person - 1, 2 * garment - 1


@pytest.mark.equation("eq-correlation")
def test_correlation_by_loops() -> None:
    a, b = torch.randn(2, 5, 3, 4, dtype=torch.float64), torch.randn(2, 5, 2, 6, dtype=torch.float64)
    found = correlation(a, b)
    assert found.shape == (2, 12, 2, 6)
    for y in range(3):
        for x in range(4):
            for i in range(2):
                for j in range(6):
                    expected = (a[:, :, y, x] * b[:, :, i, j]).sum(1)
                    torch.testing.assert_close(found[:, x * 3 + y, i, j], expected)


@pytest.mark.equation("eq-correlation")
def test_correlation_by_gradcheck() -> None:
    a, b = (torch.randn(1, 2, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(correlation, (a, b))


def test_a_new_matcher_changes_nothing() -> None:
    person, garment = images()
    flow = new_matcher()(person, garment)
    assert torch.equal(flow, coordinate_grid(16, 24).expand(2, -1, -1, -1))
    torch.testing.assert_close(warp(garment, flow), garment)


def test_the_flow_comes_at_any_size() -> None:
    matcher, given = moved(new_matcher()).eval(), images()
    assert matcher.offsets(*given).shape == (2, 3, 4, 2)
    small, large = matcher(*given, size=(7, 5)), matcher(*given, size=(13, 9))
    torch.testing.assert_close(large[:, ::2, ::2], small)


def test_offsets_stay_inside() -> None:
    matcher = moved(new_matcher()).eval()
    matcher.regression.linear.weight.data *= 1e4
    assert matcher.offsets(*images()).abs().max() <= 1


@pytest.mark.parametrize(
    ("size", "channels", "strided"), [((64, 48), (4, 8, 16), 1), ((64, 48), (4, 8), 2), ((8, 4), (4, 8), 0)]
)
def test_any_legal_size(size: tuple[int, int], channels: tuple[int, ...], strided: int) -> None:
    matcher = new_matcher(size=size, channels=channels, strided=strided)
    assert matcher(*images(*size)).shape == (2, *size, 2)


@pytest.mark.parametrize(("size", "strided"), [((20, 24), 1), ((16, 12), 1), ((24, 24), 2), ((0, 8), 1)])
def test_other_sizes_are_refused_with_the_multiple(size: tuple[int, int], strided: int) -> None:
    with pytest.raises(ValueError, match=f"size is {size[0]}x{size[1]}: expected multiples of {4 << strided}"):
        new_matcher(size=size, strided=strided)


def test_images_of_another_size_and_too_many_strides_are_refused() -> None:
    with pytest.raises(ValueError, match="person is 24x16: this matcher was built for 16x24"):
        new_matcher()(*images(24, 16))
    with pytest.raises(ValueError, match="garment is 8x8"):
        new_matcher()(images()[0], images(8, 8)[1])
    with pytest.raises(ValueError, match="strided is 3: expected 0 to 2"):
        new_matcher(strided=3)


def test_sample_i_of_a_batch_equals_the_sample_alone() -> None:
    matcher, (person, garment) = moved(new_matcher()).eval(), images()
    together = matcher(person, garment)
    for i in range(2):
        alone = matcher(person[i : i + 1], garment[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)


def test_every_parameter_learns_and_both_images_count() -> None:
    matcher, (person, garment) = moved(new_matcher()), images()
    person, garment = person.requires_grad_(), garment.requires_grad_()
    matcher(person, garment).square().sum().backward()
    gradients = {"person": person.grad, "garment": garment.grad}
    gradients |= {name: p.grad for name, p in matcher.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.abs().sum() > 0] == []


def test_thirty_steps_find_a_shift() -> None:
    """The person wears the garment a tenth of the picture further to the right."""
    matcher = new_matcher()
    coarse = torch.rand(4, 3, 4, 6, generator=torch.Generator().manual_seed(2)) * 2 - 1
    garment = torch.nn.functional.interpolate(coarse, (16, 24), mode="bilinear", align_corners=True)
    worn = warp(garment, (coordinate_grid(16, 24) - torch.tensor([0.2, 0.0])).expand(4, -1, -1, -1))
    person = torch.cat((worn, worn[:, :2]), dim=1)
    optimizer = torch.optim.Adam(matcher.parameters(), lr=3e-3)
    losses = []
    for _ in range(31):
        loss = (warp(garment, matcher(person, garment)) - worn).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.4 * losses[0]
