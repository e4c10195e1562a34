import jaxtyping
import pytest
import torch

from vtonlib.losses.diffusion import denoising


def pair(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, dtype=dtype, generator=generator, requires_grad=True) for _ in range(2)]


def test_a_hand_written_case():
    prediction = torch.tensor([[[[1.0, 2.0, 0.0]]]])
    target = torch.tensor([[[[0.0, 0.0, 0.0]]]])
    assert denoising(prediction, target) == 5 / 3
    assert denoising(prediction, target, torch.tensor([[[[1.0, 3.0, 0.0]]]])) == 13 / 4


def test_without_a_weight_it_is_mean_squared_error():
    prediction, target = pair(2, 4, 3, 5)
    expected = torch.nn.functional.mse_loss(prediction, target)
    torch.testing.assert_close(denoising(prediction, target), expected)
    for weight in (1.0, 0.2):  # only ratios of weights count
        torch.testing.assert_close(denoising(prediction, target, torch.full((2, 1, 3, 5), weight)), expected)


@pytest.mark.parametrize("shape", [(2, 1, 3, 5), (2, 1, 1, 1), (1, 1, 3, 5)])
def test_weights_of_pixels_of_samples_or_of_both(shape):
    prediction, target = pair(2, 4, 3, 5)
    weight = torch.rand(*shape, dtype=torch.float64)
    full = weight.expand(2, 4, 3, 5)
    expected = (full * (prediction - target) ** 2).sum() / full.sum()
    torch.testing.assert_close(denoising(prediction, target, weight), expected)


def test_no_weight_anywhere_gives_0_with_gradient_0():
    prediction, target = pair(2, 4, 3, 5)
    loss = denoising(prediction, target, torch.zeros(2, 1, 3, 5))
    loss.backward()
    assert loss == 0 and (prediction.grad == 0).all()


def test_gradcheck():
    prediction, target = pair(2, 2, 3, 2)
    weight = torch.rand(2, 1, 3, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p, t: denoising(p, t, weight), (prediction, target))


def test_halves_are_averaged_in_single_precision():
    prediction, target = pair(1, 4, 60, 40, dtype=torch.bfloat16)
    loss = denoising(prediction, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, torch.nn.functional.mse_loss(prediction.float(), target.float()))


def test_shapes_must_agree(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the library's own message, as a reader sees it
    with pytest.raises(ValueError, match=r"prediction is \(2, 4, 3, 5\), but target is \(2, 1, 3, 5\)"):
        denoising(torch.zeros(2, 4, 3, 5), torch.zeros(2, 1, 3, 5))
