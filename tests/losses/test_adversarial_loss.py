"""The losses of discriminator and generator, by their formulas and against the official code."""

from __future__ import annotations

import math

import pytest
import torch
from gan_goldens import Golden

from vtonlib.losses.adversarial import (
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    least_squares_discriminator,
    least_squares_generator,
    log_discriminator,
    log_generator,
)

SHAPES = [[(2, 4, 5, 3), (2, 1, 3, 2)], [(2, 4, 3, 2), (2, 6, 2, 2), (2, 1, 2, 1)]]
DISCRIMINATOR = (hinge_discriminator, least_squares_discriminator, log_discriminator)
GENERATOR = (hinge_generator, least_squares_generator, log_generator)


def scales(seed: int, dtype: torch.dtype = torch.float64) -> list[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [[2 * torch.randn(shape, generator=generator, dtype=dtype) for shape in layers] for layers in SHAPES]


def logits(*values: float) -> list[list[torch.Tensor]]:
    """One scale whose only layer has these values."""
    return [[torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)]]


def by_hand(cost, layers) -> float:
    """The mean over scales of the mean over patches, number by number."""
    means = [sum(map(cost, last[-1].flatten().tolist())) / last[-1].numel() for last in layers]
    return sum(means) / len(means)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.equation("eq-hinge")
def test_hinge_by_hand() -> None:
    real, fake = scales(0), scales(1)
    expected = by_hand(lambda x: max(0, 1 - x), real) + by_hand(lambda x: max(0, 1 + x), fake)
    assert hinge_discriminator(real, fake).item() == pytest.approx(expected)
    assert hinge_generator(fake).item() == pytest.approx(by_hand(lambda x: -x, fake))


def test_beyond_the_margin_the_hinge_rests() -> None:
    assert hinge_discriminator(logits(1, 5), logits(-1, -9)) == 0
    assert hinge_discriminator(logits(0.5), logits(-0.25)) == 0.5 + 0.75


@pytest.mark.equation("eq-least-squares")
def test_least_squares_by_hand() -> None:
    real, fake = scales(0), scales(1)
    expected = by_hand(lambda x: (x - 1) ** 2, real) + by_hand(lambda x: x**2, fake)
    assert least_squares_discriminator(real, fake).item() == pytest.approx(expected)
    assert least_squares_generator(fake).item() == pytest.approx(by_hand(lambda x: (x - 1) ** 2, fake))


@pytest.mark.equation("eq-log-gan")
def test_the_log_form_by_hand() -> None:
    real, fake = scales(0), scales(1)
    expected = -by_hand(lambda x: math.log(sigmoid(x)), real) - by_hand(lambda x: math.log(1 - sigmoid(x)), fake)
    assert log_discriminator(real, fake).item() == pytest.approx(expected)
    assert log_generator(fake).item() == pytest.approx(-by_hand(lambda x: math.log(sigmoid(x)), fake))
    assert log_discriminator(logits(0), logits(0)).item() == pytest.approx(2 * math.log(2))


def test_the_log_form_stays_finite_where_the_seeds_is_unbounded() -> None:
    """A discriminator that is sure gains nothing more from fakes; the seed's 1 - log D(fake) would grow with x."""
    sure = log_discriminator(logits(1000), logits(-1000))
    assert sure == 0 and log_discriminator(logits(-1000), logits(1000)) == 2000
    assert [1 - math.log(sigmoid(-x)) > x for x in (10, 100, 600)] == [True] * 3


@pytest.mark.parametrize("loss", DISCRIMINATOR)
def test_discriminator_losses_by_gradcheck(loss) -> None:
    layers = [x.requires_grad_() for x in (scales(2)[0][-1], scales(3)[0][-1])]
    assert torch.autograd.gradcheck(lambda r, f: loss([[r]], [[f]]), layers)


@pytest.mark.parametrize("loss", GENERATOR)
def test_generator_losses_push_fakes_up_and_scales_count_alike(loss) -> None:
    fake = [[layers[-1].requires_grad_()] for layers in scales(4)]
    fake[0][0].data.clamp_(max=0.5), fake[1][0].data.clamp_(max=0.5)
    loss(fake).backward()
    assert all((layers[0].grad < 0).all() for layers in fake)
    one = [logits(0.3)[0], logits(-0.4, -0.4, -0.4)[0]]
    torch.testing.assert_close(loss(one), (loss(logits(0.3)) + loss(logits(-0.4))) / 2)


@pytest.mark.parametrize("empty", [[], [[]]])
def test_nothing_to_judge_is_an_error(empty: list) -> None:
    with pytest.raises(ValueError, match="at least one scale of at least one layer"):
        hinge_generator(empty)


@pytest.mark.equation("eq-feature-matching")
def test_feature_matching_by_hand() -> None:
    real, fake = scales(5), scales(6)
    total = 0.0
    for r_layers, f_layers in zip(real, fake, strict=True):
        for r, f in zip(r_layers[:-1], f_layers[:-1], strict=True):
            total += (
                sum(abs(a - b) for a, b in zip(r.flatten().tolist(), f.flatten().tolist(), strict=True)) / r.numel()
            )
    assert feature_matching(real, fake).item() == pytest.approx(total / 2)


def test_feature_matching_leaves_real_and_logits_alone() -> None:
    real, fake = ([[x.requires_grad_() for x in layers] for layers in scales(seed)] for seed in (5, 6))
    feature_matching(real, fake).backward()
    assert all(x.grad is None for layers in real for x in layers)
    assert all(layers[-1].grad is None and all(x.grad is not None for x in layers[:-1]) for layers in fake)
    assert feature_matching(real, real) == 0
    assert feature_matching(logits(1), logits(5)) == 0, "logits alone are nothing to match"


def test_feature_matching_refuses_what_would_broadcast() -> None:
    real, fake = scales(5), scales(6)
    for wrong in (fake[:1], [fake[0][:1], fake[1]], [[x[:1] for x in layers] for layers in fake], []):
        with pytest.raises(ValueError, match="expected equal shapes"):
            feature_matching(real, wrong)


def test_the_official_losses_of_the_official_logits() -> None:
    golden = Golden("multiscale_d_instance")
    real, fake = ([[golden.wanted[f"{kind}.d{i}.l4"]] for i in range(2)] for kind in ("real", "fake"))
    none = [[torch.full((1, 1, 1, 1), 1e3)]], [[torch.full((1, 1, 1, 1), -1e3)]]  # costs nothing
    for official, discriminator, generator in (
        ("hinge", hinge_discriminator, hinge_generator),
        ("original", log_discriminator, log_generator),
    ):
        golden.check(f"loss.{official}.D_real", discriminator(real, none[1])[None])
        golden.check(f"loss.{official}.D_fake", discriminator(none[0], fake)[None])
        golden.check(f"loss.{official}.G", generator(fake)[None])
    golden.check("loss.ls.D_real", least_squares_discriminator(real, logits32(0.0))[None])
    golden.check("loss.ls.D_fake", least_squares_discriminator(logits32(1.0), fake)[None])
    golden.check("loss.ls.G", least_squares_generator(fake)[None])


def logits32(value: float) -> list[list[torch.Tensor]]:
    return [[torch.full((1, 1, 1, 1), value)]]
