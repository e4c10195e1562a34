"""Samplers: DDIM, PLMS and DDPM, on the noise levels that a model was trained with or on the released ones."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
from diffusers import DDIMScheduler, DDPMScheduler, PNDMScheduler, SchedulerMixin
from diffusers.schedulers.scheduling_utils import SchedulerOutput
from jaxtyping import Float
from torch import Tensor

from vtonlib.diffusion import add_noise, read_prediction

SamplerName = Literal["ddim", "plms", "ddpm"]


def released_timesteps(steps: int, *, train_steps: int = 1000, offset: int = 1) -> list[int]:
    """The time steps of StableVITON's samplers, from the lowest: every ``train_steps // steps``-th, plus ``offset``.

    Where ``steps`` does not divide ``train_steps`` there are more of them than asked for, 31 for 30. Where the formula
    leaves the table (3, 9, 27 or 37 steps, ...) the released code fails; here the highest is the last of the table.

    Raises:
        ValueError: for fewer than one step, or more than ``train_steps``.
    """
    if not 1 <= steps <= train_steps:
        raise ValueError(f"num_inference_steps is {steps}: expected 1 to {train_steps}")
    return [min(time + offset, train_steps - 1) for time in range(0, train_steps, train_steps // steps)]


class PLMSScheduler(PNDMScheduler, SchedulerMixin):  # from_pretrained looks for that name in this module
    """PLMS as StableVITON's script runs it: a linear multi-step method on the predicted noise.

    The first step asks the network twice and takes the mean (a pseudo improved Euler step), the second and third
    combine two and three predictions, all others four, so a sample of 50 steps takes 51 network calls. diffusers'
    ``PNDMScheduler`` with ``skip_prk_steps`` does the same. Two things differ. The network may predict clean latents or
    velocities: each prediction is turned into noise first, where diffusers combines velocities and refuses clean
    latents. And with leading spacing the time steps are :func:`released_timesteps`.

    Made by :func:`sampler`. Book: sec-latent-diffusion.
    """

    def set_timesteps(self, num_inference_steps: int, device: torch.device | str | None = None) -> None:
        """Choose the time steps; the second stands twice.

        Raises:
            ValueError: for fewer than one step, or more than there are.
        """
        count, offset = self.config.num_train_timesteps, self.config.steps_offset
        released = released_timesteps(num_inference_steps, train_steps=count, offset=offset)[::-1]
        super().set_timesteps(num_inference_steps, device=device)
        if self.config.timestep_spacing == "leading":
            self.timesteps = torch.tensor(released[:2] + released[1:], device=device)

    def step(
        self,
        model_output: Float[Tensor, "b c h w"],
        timestep: Tensor | int,
        sample: Float[Tensor, "b c h w"],
        return_dict: bool = True,
    ) -> Any:
        """The latents at the next time step, as diffusers' schedulers return them.

        Raises:
            ValueError: for an unknown prediction type.
        """
        precise = torch.promote_types(sample.dtype, torch.float32)  # halves cannot tell alpha_cumprod[0] from 1
        noise, noisy, kind = model_output.to(precise), sample.to(precise), self.config.prediction_type
        if kind != "epsilon":
            noise = read_prediction(noise, noisy, self.alphas_cumprod.to(noisy)[timestep], kind).noise
        after = super().step(noise, timestep, noisy, return_dict=False)[0].to(sample.dtype)
        return SchedulerOutput(prev_sample=after) if return_dict else (after,)

    def _get_prev_sample(
        self, sample: Tensor, timestep: Tensor | int, prev_timestep: Tensor | int, model_output: Tensor
    ) -> Tensor:
        """DDIM's step along the combined noise."""
        levels = self.alphas_cumprod.to(sample)
        before = levels[prev_timestep] if prev_timestep >= 0 else self.final_alpha_cumprod.to(sample)
        now = levels[min(int(timestep), len(levels) - 1)]
        return add_noise(read_prediction(model_output, sample, now, "epsilon").clean, model_output, before)


Scheduler: TypeAlias = DDIMScheduler | PLMSScheduler | DDPMScheduler
"""A sampler with its noise levels."""
KINDS: dict[str, Any] = {"ddim": DDIMScheduler, "plms": PLMSScheduler, "ddpm": DDPMScheduler}


def released_scheduler(
    name: SamplerName = "plms", *, prediction_type: str = "epsilon", zero_terminal: bool = False
) -> Scheduler:
    """StableVITON's and Leffa's noise levels: Stable Diffusion's, t = 1, 21, ..., 981 for 50 steps.

    StableVITON's script samples with PLMS, its validation with DDIM; their last step leads to the noise of
    alpha_cumprod[0], which is not quite none. Leffa samples with DDPM, which ends without noise; its model of pose
    transfer, on SDXL, has ``zero_terminal`` levels. Book: sec-latent-diffusion.
    """
    schedule = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction_type,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
        rescale_betas_zero_snr=zero_terminal,
    )
    return sampler(name, schedule)


def sampler(name: SamplerName, schedule: Scheduler) -> Any:
    """The sampler ``name`` on the noise levels and time steps of ``schedule``; ``pipeline.scheduler = sampler(...)``.

    DDIM and PLMS draw no noise; DDPM takes more of it away at every step and adds some anew ("ancestral" sampling).

    Raises:
        ValueError: for an unknown name, and for PLMS on levels that end in pure noise: there noise does not tell the
            picture, so predicted noises cannot be combined.
    """
    if name not in KINDS:
        raise ValueError(f"scheduler {name!r}: expected {' or '.join(KINDS)}")
    if type(schedule) is KINDS[name]:
        return schedule
    if name != "plms":
        return KINDS[name].from_config(schedule.config, clip_sample=False)
    if float(schedule.alphas_cumprod[-1]) < 1e-6:
        raise ValueError(
            "scheduler 'plms' combines predicted noises, but this model's noise levels end in pure noise, where noise "
            "does not tell the picture: use 'ddim', or train without rescale_betas_zero_snr"
        )
    return PLMSScheduler.from_config(schedule.config, skip_prk_steps=True)
