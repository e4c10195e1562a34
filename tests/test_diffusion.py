"""The equations of the chapter on latent diffusion, each written out from its formula, and diffusers beside them."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler
from torch import Tensor

from vtonlib.diffusion import (
    add_noise,
    blend,
    guided,
    ideal_denoiser,
    loss_weight,
    multistep_noise,
    noise_schedule,
    read_prediction,
    rescale_guidance,
    signal_to_noise,
    velocity,
    zero_terminal,
)
from vtonlib.tasks.latent_diffusion import new_scheduler

KINDS = ("epsilon", "sample", "v_prediction")
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False}


def drawn(*shape: int, seed: int = 6) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.equation("eq-noise-schedule")
def test_what_every_step_leaves() -> None:
    left, expected = 1.0, []
    for t in range(1000):
        beta = (math.sqrt(0.00085) + t / 999 * (math.sqrt(0.012) - math.sqrt(0.00085))) ** 2
        left *= 1 - beta
        expected.append(left)
    torch.testing.assert_close(noise_schedule(), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(noise_schedule().float(), DDIMScheduler(**SD).alphas_cumprod, rtol=2e-4, atol=1e-6)
    assert math.sqrt(noise_schedule()[-1]) == pytest.approx(0.068, abs=5e-4)
    with pytest.raises(ValueError, match="found 1 steps"):
        noise_schedule(1)


@pytest.mark.equation("eq-zero-terminal")
def test_nothing_is_left_at_the_end() -> None:
    released, ours = noise_schedule(), zero_terminal(noise_schedule())
    for t in (0, 1, 500, 998, 999):
        signal = [math.sqrt(released[i]) for i in (t, 0, 999)]
        assert math.sqrt(ours[t]) == pytest.approx((signal[0] - signal[2]) * signal[1] / (signal[1] - signal[2]))
    assert ours[-1] == 0 and ours[0] == pytest.approx(float(released[0]))
    # the scheduler of the book's model; diffusers keeps a trace of 2^-24 in some versions
    torch.testing.assert_close(ours.float(), new_scheduler().alphas_cumprod, rtol=2e-3, atol=1e-6)


@pytest.mark.equation("eq-forward-process")
@pytest.mark.equation("eq-signal-to-noise")
def test_forward_by_steps_and_at_once() -> None:
    """The closed form has the mean and the variance of a thousand small steps, written as a recursion."""
    bars = noise_schedule(40, 0.01, 0.2)
    mean, variance = 1.0, 0.0
    for t in range(40):
        beta = (math.sqrt(0.01) + t / 39 * (math.sqrt(0.2) - math.sqrt(0.01))) ** 2
        mean, variance = mean * math.sqrt(1 - beta), variance * (1 - beta) + beta
        x = add_noise(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), float(bars[t]))
        assert x[0] == pytest.approx(mean, rel=1e-5) and x[1] ** 2 == pytest.approx(variance, rel=1e-5)
        assert signal_to_noise(bars)[t] == pytest.approx(mean**2 / variance)
    clean, noise = drawn(3, 4, 2, 2), drawn(3, 4, 2, 2, seed=7)
    times = torch.tensor([0, 400, 999])
    scheduler = DDIMScheduler(**SD)
    levels = scheduler.alphas_cumprod.double()[times].view(3, 1, 1, 1)
    torch.testing.assert_close(
        add_noise(clean, noise, levels), scheduler.add_noise(clean, noise, times), rtol=1e-5, atol=1e-5
    )


@pytest.mark.equation("eq-velocity")
@pytest.mark.equation("eq-three-readings")
@pytest.mark.parametrize("level", [0.9, 0.36, 0.0047])
def test_three_readings_of_one_prediction(level: float) -> None:
    clean, noise = drawn(2, 5), drawn(2, 5, seed=7)
    noisy, v = add_noise(clean, noise, level), velocity(clean, noise, level)
    a, s = math.sqrt(level), math.sqrt(1 - level)
    torch.testing.assert_close(v, a * noise - s * clean)
    for kind, target in zip(KINDS, (noise, clean, v), strict=True):
        for read, true in zip(read_prediction(target, noisy, level, kind), (clean, noise, v), strict=True):
            torch.testing.assert_close(read, true)
    torch.testing.assert_close(
        DDIMScheduler(**SD).get_velocity(clean, noise, torch.tensor([500, 500])),
        velocity(clean, noise, DDIMScheduler(**SD).alphas_cumprod.double()[500]),
        rtol=1e-5,
        atol=1e-5,
    )
    with pytest.raises(ValueError, match="kind is 'x0'"):
        read_prediction(clean, noisy, level, "x0")  # type: ignore[arg-type]


@pytest.mark.equation("eq-loss-weight")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.9, 0.0047])
def test_what_an_error_of_the_picture_costs(kind, level: float) -> None:
    """A wrong clean picture, turned into what the network predicts, and its squared error there."""
    clean, noise, error = drawn(2, 5), drawn(2, 5, seed=7), drawn(2, 5, seed=8)
    noisy = add_noise(clean, noise, level)
    true = read_prediction(clean, noisy, level, "sample")
    wrong = read_prediction(clean + error, noisy, level, "sample")
    names = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}
    squared = (getattr(wrong, names[kind]) - getattr(true, names[kind])).square()
    weight = loss_weight(torch.tensor(level, dtype=torch.float64), kind)
    torch.testing.assert_close(squared, weight * error.square())
    with pytest.raises(ValueError, match="kind is 'x0'"):
        loss_weight(torch.tensor(0.5), "x0")  # type: ignore[arg-type]


@pytest.mark.equation("eq-ideal-denoiser")
def test_the_best_guess_is_a_mean_by_likelihood() -> None:
    pictures, noisy, level = drawn(3, 4), drawn(2, 4, seed=7), 0.36
    for b in range(2):
        likelihood = [
            math.exp(-sum((float(x) - 0.6 * float(p)) ** 2 for x, p in zip(noisy[b], row, strict=True)) / (2 * 0.64))
            for row in pictures
        ]
        best = sum(w * row for w, row in zip(likelihood, pictures, strict=True)) / sum(likelihood)
        torch.testing.assert_close(ideal_denoiser(noisy, pictures, level)[b], best)
    # nothing that is seen has a smaller squared error on average
    which = torch.randint(3, (20_000,), generator=torch.Generator().manual_seed(0))
    seen = add_noise(pictures[which], drawn(20_000, 4, seed=9), level)
    error = (ideal_denoiser(seen, pictures, level) - pictures[which]).square().mean()
    nearest = pictures[torch.cdist(seen, 0.6 * pictures).argmin(1)]
    assert (
        error < (nearest - pictures[which]).square().mean()
        and error < (pictures.mean(0) - pictures[which]).square().mean()
    )
    with pytest.raises(ValueError, match="alpha_bar is 1"):
        ideal_denoiser(noisy, pictures, 1.0)


def test_the_worked_example_on_four_pixels() -> None:
    stripes, checks = (1.0, 1.0, -1.0, -1.0), (1.0, -1.0, 1.0, -1.0)
    pictures = torch.tensor([stripes, checks], dtype=torch.float64)
    noise = torch.tensor([[0.0, -0.5, 0.5, 1.0]], dtype=torch.float64)
    noisy = add_noise(pictures[:1], noise, 0.36)
    torch.testing.assert_close(noisy, torch.tensor([[0.6, 0.2, -0.2, 0.2]], dtype=torch.float64))
    best = ideal_denoiser(noisy, pictures, 0.36)
    sure = math.tanh(0.6 * 0.4 / 0.64)
    torch.testing.assert_close(best, torch.tensor([[1.0, sure, -sure, -1.0]], dtype=torch.float64))
    read = read_prediction(best, noisy, 0.36, "sample")
    next_ = add_noise(read.clean, read.noise, 0.64)
    assert [round(float(x), 2) for x in read.noise[0]] == [0.0, -0.02, 0.02, 1.0]
    assert [round(float(x), 2) for x in next_[0]] == [0.8, 0.28, -0.28, -0.2]
    torch.testing.assert_close(ideal_denoiser(noisy, pictures, 0.0), pictures.mean(0, keepdim=True))


@pytest.mark.equation("eq-ddim-step")
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_the_forward_process_with_the_prediction(kind) -> None:
    scheduler = DDIMScheduler(**SD, prediction_type=kind, set_alpha_to_one=False)
    scheduler.set_timesteps(10)
    x, prediction, time = drawn(1, 4, 2, 2), drawn(1, 4, 2, 2, seed=7), scheduler.timesteps[3]
    now, then = (scheduler.alphas_cumprod.double()[t] for t in (time, time - 100))
    read = read_prediction(prediction, x, now, kind)
    expected = scheduler.step(prediction, time, x).prev_sample
    torch.testing.assert_close(add_noise(read.clean, read.noise, then), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.equation("eq-multistep")
def test_plms_is_ddim_along_extrapolated_noise() -> None:
    """diffusers' PNDM without its warm-up, from its fourth prediction on; a line is extrapolated exactly."""
    scheduler = PNDMScheduler(
        **{k: v for k, v in SD.items() if k != "clip_sample"}, skip_prk_steps=True, set_alpha_to_one=False
    )
    scheduler.set_timesteps(10)
    x, history = drawn(1, 4, 2, 2), []
    for number, time in enumerate(scheduler.timesteps[:8]):
        predicted = drawn(1, 4, 2, 2, seed=20 + number)
        new = scheduler.step(predicted, time, x).prev_sample
        if number != 1:  # the second call repeats the first step, its prediction is not kept
            history.insert(0, predicted)
        if number >= 4:
            now, then = scheduler.alphas_cumprod.double()[time], scheduler.alphas_cumprod.double()[time - 100]
            noise = multistep_noise(history)
            read = read_prediction(noise, x, now, "epsilon")
            torch.testing.assert_close(add_noise(read.clean, noise, then), new, rtol=1e-3, atol=1e-3)
        x = new
    line = [torch.tensor(1.0 - 0.1 * k) for k in range(5)]  # newest first: it grew by 0.1 a step
    for count in (2, 3, 4, 5):
        assert multistep_noise(line[:count]) == pytest.approx(1.05)
    assert multistep_noise(line[:1]) == 1
    with pytest.raises(ValueError, match="history is empty"):
        multistep_noise([])


@pytest.mark.equation("eq-rescaled-guidance")
def test_rescaled_guidance() -> None:
    """Each sample by its own factor; 1 gives it the conditional spread, 2.5 less, or turns its sign."""
    scale = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
    with_, without = drawn(2, 3, 4, 5) * scale, drawn(2, 3, 4, 5, seed=7)
    made = guided(with_, without, 2.5)
    for share in (0.0, 0.7, 1.0, 2.5):
        for sample, rescaled in enumerate(rescale_guidance(made, with_, share)):
            ratio = float(with_[sample].std() / made[sample].std())
            torch.testing.assert_close(rescaled, made[sample] * (share * ratio + 1 - share))
    assert rescale_guidance(made, with_, 1.0)[1].std() == pytest.approx(float(with_[1].std()))
    near = guided(with_, 0.8 * with_, 2.5)
    assert rescale_guidance(near, with_, 2.5)[1].std() < with_[1].std() < near[1].std()
    assert (rescale_guidance(3 * with_, with_, 2.5) * with_ <= 0).all(), "2.5 / 3 - 1.5 is below 0"
    with pytest.raises(ValueError, match="share is inf: expected a finite number"):
        rescale_guidance(made, with_, math.inf)
    assert not rescale_guidance(torch.zeros(1, 4), torch.zeros(1, 4), 1.0).isnan().any(), "no spread at all"


@pytest.mark.equation("eq-guidance")
@pytest.mark.equation("eq-blending")
def test_guidance_and_blending() -> None:
    without, with_, mask = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=7), torch.rand(2, 1, 4, 5, dtype=torch.float64)
    for scale in (0.0, 1.0, 5.0):
        torch.testing.assert_close(guided(with_, without, scale), (1 - scale) * without + scale * with_)
    mixed = blend(without, with_, mask)
    for b, c, y, x in ((0, 0, 0, 0), (1, 2, 3, 4)):
        m = mask[b, 0, y, x]
        assert mixed[b, c, y, x] == pytest.approx(float(m * without[b, c, y, x] + (1 - m) * with_[b, c, y, x]))
