"""PLMS by its formula, for every prediction type; the released time steps."""

import pytest
import torch

from vtonlib.pipelines.schedulers import PLMSScheduler, released_scheduler, released_timesteps, sampler
from vtonlib.tasks.latent_diffusion import new_scheduler

WEIGHTS = {2: (3 / 2, -1 / 2), 3: (23 / 12, -16 / 12, 5 / 12), 4: (55 / 24, -59 / 24, 37 / 24, -9 / 24)}


def by_hand(network, start, times, alphas):
    """Linear multi-step on the noise as Liu et al. (2022) write it, the first step a pseudo improved Euler."""

    def step(latents, noise, index):
        now, then = alphas[times[index]], alphas[times[index + 1]] if index + 1 < len(times) else alphas[0]
        clean = (latents - (1 - now).sqrt() * noise) / now.sqrt()
        return then.sqrt() * clean + (1 - then).sqrt() * noise

    latents, history, calls = start, [], 0
    for index, time in enumerate(times):
        noise = network(latents, time)
        calls += 1
        history = [noise, *history][:4]
        if len(history) == 1:
            ahead = network(step(latents, noise, index), times[1])
            calls += 1
            noise = (noise + ahead) / 2
        else:
            noise = sum(weight * past for weight, past in zip(WEIGHTS[len(history)], history, strict=True))
        latents = step(latents, noise, index)
    return latents, calls


def network(latents, time):
    """Some smooth function of both."""
    return torch.tanh(1.3 * latents.roll(1, -1) - latents * (0.4 + int(time) / 1000))


@pytest.mark.parametrize("prediction_type", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("steps", [5, 6, 50])
def test_plms_is_the_linear_multi_step_method_whatever_is_predicted(prediction_type, steps):
    scheduler = released_scheduler("plms", prediction_type=prediction_type)
    alphas = scheduler.alphas_cumprod.double()
    start = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    times = released_timesteps(steps)[::-1]
    expected, calls = by_hand(network, start, times, alphas)
    scheduler.set_timesteps(steps)
    assert len(scheduler.timesteps) == calls == len(times) + 1, "one call more than steps"
    latents = start
    for time in scheduler.timesteps:
        noise, alpha = network(latents, time), alphas[time]
        clean = (latents - (1 - alpha).sqrt() * noise) / alpha.sqrt()
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        prediction = {"epsilon": noise, "sample": clean, "v_prediction": velocity}[prediction_type]
        latents = scheduler.step(prediction, time, latents).prev_sample
    torch.testing.assert_close(latents, expected, atol=1e-9, rtol=1e-9)


def test_plms_comes_closer_than_ddim_with_as_many_steps():
    """For Gaussian data of spread 0.5 the best denoiser and where its noise leads are known exactly."""

    def error(name, steps):
        scheduler = released_scheduler(name)
        scheduler.set_timesteps(steps)
        alphas = scheduler.alphas_cumprod.double()
        variances = 0.25 * alphas + 1 - alphas
        start = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        latents = start
        for time in scheduler.timesteps:
            noise = (1 - alphas[time]).sqrt() * latents / variances[time]
            latents = scheduler.step(noise, time, latents).prev_sample
        exact = start * (variances[0] / variances[scheduler.timesteps[0]]).sqrt()
        return float((latents - exact).abs().mean())

    assert error("plms", 50) < 0.5 * error("ddim", 50)
    assert error("plms", 50) < 0.5 * error("plms", 10)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["ddim", "plms"])
def test_halves_are_stepped_along_precisely(name, dtype):
    """Rounded to halves, alpha_cumprod[0] is 1, and the last step would divide by 0."""
    ends = []
    for kind in (torch.float32, dtype):
        scheduler = released_scheduler(name, prediction_type="sample")
        scheduler.set_timesteps(20)
        latents = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0)).to(kind)
        for time in scheduler.timesteps:
            latents = scheduler.step(torch.tanh(latents.roll(1, -1)), time, latents, return_dict=False)[0]
        assert latents.dtype == kind
        ends.append(latents.float())
    torch.testing.assert_close(*ends, atol=0.1, rtol=0)


def test_released_time_steps():
    assert released_timesteps(50) == list(range(1, 1000, 20))
    assert len(released_timesteps(30)) == 31 and released_timesteps(30)[-1] == 991
    assert released_timesteps(3) == [1, 334, 667, 999]
    for steps in (0, 1001):
        with pytest.raises(ValueError, match=f"num_inference_steps is {steps}: expected 1 to 1000"):
            released_timesteps(steps)


def test_one_step_is_ddim():
    plms, ddim = (released_scheduler(name) for name in ("plms", "ddim"))
    latents, noise = torch.randn(2, 1, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    results = []
    for scheduler in (plms, ddim):
        scheduler.set_timesteps(1)
        assert scheduler.timesteps.tolist() == [1]
        results.append(scheduler.step(noise, scheduler.timesteps[0], latents).prev_sample)
    torch.testing.assert_close(*results)


def test_a_sampler_keeps_the_noise_levels_and_there_and_back_is_the_same():
    ddim = released_scheduler("ddim", prediction_type="v_prediction")
    plms = sampler("plms", ddim)
    assert isinstance(plms, PLMSScheduler) and plms.config.prediction_type == "v_prediction"
    assert torch.equal(plms.alphas_cumprod, ddim.alphas_cumprod)
    back = sampler("ddim", plms)
    assert type(back) is type(ddim) and sampler("ddim", ddim) is ddim
    wanted = {key: value for key, value in ddim.config.items() if not key.startswith("_")}
    assert {key: back.config[key] for key in wanted} == wanted


def test_levels_that_end_in_pure_noise_and_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'plms' combines predicted noises, but this model's noise levels end in pure"):
        sampler("plms", new_scheduler())
    with pytest.raises(ValueError, match="scheduler 'euler': expected ddim or plms"):
        sampler("euler", new_scheduler())
    unknown = released_scheduler(prediction_type="flow")
    unknown.set_timesteps(2)
    with pytest.raises(ValueError, match="kind is 'flow', expected 'epsilon'"):
        unknown.step(torch.zeros(1), unknown.timesteps[0], torch.zeros(1))
