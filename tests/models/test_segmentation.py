"""The segmentation generator, by its properties; against the official one in tests/official."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from vtonlib.models.segmentation import Dropout, SegmentationGenerator
from vtonlib.shares import WHOLE, Share, sharing


def new_generator(channels: tuple[int, ...] = (4, 6, 8), dropout: float = 0.5) -> SegmentationGenerator:
    torch.manual_seed(0)
    return SegmentationGenerator(7, 5, channels=channels, dropout=dropout)


@pytest.mark.parametrize(
    ("channels", "size"),
    [((4, 6, 8), (8, 4)), ((4, 6, 8), (12, 20)), ((4, 4, 4, 4, 4), (64, 48)), ((4, 6), (2, 6)), ((4,), (3, 5))],
)
def test_any_legal_size_and_depth(channels: tuple[int, ...], size: tuple[int, int]) -> None:
    assert new_generator(channels)(torch.randn(1, 7, *size)).shape == (1, 5, *size)


@pytest.mark.parametrize("size", [(10, 8), (8, 6), (4, 4), (1, 4)])
def test_other_sizes_are_refused_with_the_multiple(size: tuple[int, int]) -> None:
    message = f"images are {size[0]}x{size[1]}: expected multiples of 4, and more than one"
    with pytest.raises(ValueError, match=message):
        new_generator()(torch.randn(1, 7, *size))


def test_the_released_shape_has_as_many_parameters() -> None:
    with torch.device("meta"):
        generator = SegmentationGenerator()
    assert round(sum(p.numel() for p in generator.parameters()) / 1e6, 1) == 34.5


def test_dropout_acts_in_training_only() -> None:
    generator, x = new_generator(), torch.randn(1, 7, 8, 12)
    assert not torch.equal(generator(x), generator(x))
    generator.eval()
    assert torch.equal(generator(x), generator(x))
    without = new_generator(dropout=0.0)
    assert torch.equal(without(x), generator(x))


def test_dropout_is_torchs_but_for_the_draw() -> None:
    torch.manual_seed(0)
    x, drop = torch.rand(8, 40, 50, dtype=torch.float64) + 1, Dropout(0.3)
    found = drop(x)
    assert 0.68 < (found != 0).double().mean() < 0.72
    torch.testing.assert_close(found, torch.where(found != 0, x / 0.7, 0))
    assert not Dropout(1.0)(x).any() and Dropout(0.0)(x) is x


def test_a_row_loses_the_same_numbers_in_every_share() -> None:
    x, drop = torch.ones(6, 4, 3, 2), Dropout(0.5)

    def dropped(share: Share) -> torch.Tensor:
        torch.manual_seed(5)
        with sharing(share):
            return drop(x[share.rows])

    for share in (*Share(1, 2).split(3), Share(2, 3)):
        assert torch.equal(dropped(share), dropped(WHOLE)[share.rows])


def test_a_batch_is_its_samples() -> None:
    generator, x = new_generator().eval(), torch.randn(3, 7, 8, 12)
    torch.testing.assert_close(generator(x)[1:2], generator(x[1:2]), rtol=1e-4, atol=1e-5)


def test_contrast_of_the_input_is_no_information() -> None:
    """Instance normalization follows every convolution but the last: with zero padding and no bias, scale is lost."""
    generator, x = new_generator().eval().double(), torch.randn(1, 7, 8, 12, dtype=torch.float64)
    torch.nn.init.zeros_(generator.down[0][0].bias)
    torch.testing.assert_close(generator(3 * x), generator(x), rtol=1e-4, atol=1e-4)


def test_every_parameter_is_reached() -> None:
    generator = new_generator(dropout=0.0)
    generator(torch.randn(2, 7, 8, 12)).square().sum().backward()
    assert all(p.grad is not None for p in generator.parameters())
    assert all(p.grad.abs().sum() > 0 for name, p in generator.named_parameters() if name.endswith("weight"))


def test_thirty_steps_learn_labels_that_the_input_shows() -> None:
    generator = new_generator(dropout=0.0)
    labels = torch.randint(5, (2, 4, 3), generator=torch.Generator().manual_seed(3))
    labels = labels.repeat_interleave(4, 1).repeat_interleave(4, 2)
    x = torch.nn.functional.one_hot(labels, 7).movedim(-1, 1).float()
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-2)
    for _ in range(30):
        loss = cross_entropy(generator(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (generator(x).argmax(1) == labels).float().mean() > 0.8
