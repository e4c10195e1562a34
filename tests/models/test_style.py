"""SPADE's generator from a style, its image encoder, and the divergence that lets styles be drawn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vtonlib.losses.style import divergence_from_normal
from vtonlib.models.style import StyleDistribution, StyledSPADEGenerator, StyleEncoder


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def labels(height: int, width: int, kinds: int = 3, batch: int = 2) -> Tensor:
    kind = torch.randint(kinds, (batch, height, width), generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.one_hot(kind, kinds).movedim(-1, 1).float()


@pytest.mark.equation("eq-style-divergence")
def test_the_divergence_is_that_of_torchs_distributions() -> None:
    mean, log_variance = drawn(3, 5), drawn(3, 5, seed=1)
    normal = Normal(mean, (log_variance / 2).exp())
    wanted = kl_divergence(normal, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(divergence_from_normal(mean, log_variance), wanted)
    assert divergence_from_normal(torch.zeros(2, 4), torch.zeros(2, 4)) == 0


@pytest.mark.disagreement("D25")
def test_summed_over_the_batch_the_weight_grows_with_it() -> None:
    mean, log_variance = drawn(8, 5), drawn(8, 5, seed=1)

    def released(mean: Tensor, log_variance: Tensor) -> Tensor:
        return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()

    torch.testing.assert_close(released(mean, log_variance), 8 * divergence_from_normal(mean, log_variance))
    twice = divergence_from_normal(mean.repeat(2, 1), log_variance.repeat(2, 1))
    torch.testing.assert_close(twice, divergence_from_normal(mean, log_variance))


@pytest.mark.equation("eq-style-draw")
def test_draws_have_the_mean_and_the_deviation_that_were_announced() -> None:
    told = StyleDistribution(torch.tensor([[2.0, -1.0]]), torch.tensor([[0.25, 4.0]]).log())
    many = StyleDistribution(*(part.expand(20_000, -1) for part in told)).draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(many.mean(0), told.mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(many.std(0), torch.tensor([0.5, 2.0]), rtol=0.03, atol=0)
    assert torch.equal(told.draw(torch.Generator().manual_seed(3)), told.draw(torch.Generator().manual_seed(3)))


def test_gradients_reach_mean_and_variance_through_a_draw() -> None:
    mean, log_variance = drawn(2, 3).requires_grad_(), drawn(2, 3, seed=1).requires_grad_()
    StyleDistribution(mean, log_variance).draw(torch.Generator().manual_seed(0)).sum().backward()
    assert torch.equal(mean.grad, torch.ones(2, 3))
    assert (log_variance.grad != 0).all()


def test_encoder_and_generator_fit_each_other() -> None:
    torch.manual_seed(0)
    encoder = StyleEncoder((32, 24), 5, (4, 6, 8))
    generator = StyledSPADEGenerator(3, (32, 24), 5, (8, 6, 4), hidden=4)
    told = encoder(drawn(2, 3, 32, 24))
    assert told.mean.shape == told.log_variance.shape == (2, 5)
    image = generator(labels(32, 24), told.draw())
    assert image.shape == (2, 3, 32, 24)
    assert image.abs().max() <= 1
    assert generator.doublings == 2
    image.sum().backward()
    assert all(parameter.grad is not None for parameter in [*encoder.parameters(), *generator.parameters()])


def test_the_paper_s_encoder_has_six_convolutions_and_two_linear_layers() -> None:
    with torch.device("meta"):
        encoder = StyleEncoder()
        assert [layer.out_channels for layer in encoder.layers[::3]] == [64, 128, 256, 512, 512, 512]
        assert (encoder.mean.in_features, encoder.mean.out_features) == (8192, 256)
        assert encoder(torch.empty(1, 3, 256, 256)).mean.shape == (1, 256)


def test_instance_norm_blinds_the_encoder_to_the_light_of_each_channel() -> None:
    """Chapter 2's law: without padding's frame a factor and a constant of a picture are gone after the first norm."""
    torch.manual_seed(0)
    image, light = 0.3 * drawn(1, 3, 32, 24), torch.tensor([0.2, -0.1, 0.3])[:, None, None]
    moved = {}
    for norm in (True, False):
        encoder = StyleEncoder((32, 24), 5, (4, 6), instance_norm=norm).eval()
        for layer in encoder.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.reset_parameters()
                if isinstance(layer, torch.nn.Conv2d):
                    layer.padding_mode = "reflect"
                    layer._reversed_padding_repeated_twice = [1, 1, 1, 1]
        moved[norm] = float((encoder(image).mean - encoder(image + light).mean).detach().abs().max())
    assert 100 * moved[True] < moved[False]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StyleEncoder((8, 8), 4, (4, 4, 4)), "8x8: 3 halvings leave a map of one pixel"),
        (lambda: StyledSPADEGenerator(3, (30, 24), 4, (8, 6, 4)), "30x24: both sides must be multiples of 4"),
        (lambda: StyledSPADEGenerator(3, (4, 4), 4, (8, 6, 4)), "4x4: both sides must be multiples of 4, and one"),
        (lambda: StyleEncoder((8, 4), 4, (4,))(torch.zeros(1, 3, 4, 8)), r"\(1, 3, 4, 8\): expected 3 channels of 8x4"),
    ],
)
def test_sizes_that_do_not_fit_are_errors(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_labels_and_styles_are_errors() -> None:
    generator = StyledSPADEGenerator(3, (8, 4), 5, (4, 4), hidden=2)
    with pytest.raises(ValueError, match=r"labels are \(2, 3, 4, 8\): expected 8x4"):
        generator(labels(4, 8), drawn(2, 5))
    with pytest.raises(ValueError, match=r"style is \(1, 5\): expected \(2, 5\)"):
        generator(labels(8, 4), drawn(1, 5))
    with pytest.raises(ValueError, match="expected 3 channels"):
        generator(labels(8, 4, kinds=4), drawn(2, 5))
