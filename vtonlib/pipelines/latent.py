"""What pipelines of latent diffusion have in common: sizes, noise, samplers and steps."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

from diffusers import DiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Float
from torch import Tensor

from vtonlib.diffusion import blend
from vtonlib.models.autoencoder import decode, downscale
from vtonlib.models.conditions import Conditions, encode_conditions
from vtonlib.pipelines.options import Generators, Predictor, Repaint, StepCallback, check_generators
from vtonlib.pipelines.pictures import TryOnOutput, blend_pixels
from vtonlib.pipelines.released import released_repaint
from vtonlib.pipelines.schedulers import SamplerName, sampler


class LatentPipeline(DiffusionPipeline):
    """A pipeline of an ``autoencoder``, a ``unet`` that tells its ``multiple``, and a ``scheduler``.

    How many steps are best depends on the weights, and is stored with them as ``default_denoising_steps``.
    """

    def with_sampler(self, name: SamplerName) -> Self:
        """A pipeline of the same networks that samples with DDIM, PLMS or DDPM.

        Raises:
            ValueError: see :func:`vtonlib.pipelines.schedulers.sampler`.
        """
        parts = {**self.components, "scheduler": sampler(name, self.scheduler)}
        arguments = list(inspect.signature(type(self).__init__).parameters)[1:]
        other = type(self)(**parts, **{key: self.config[key] for key in arguments if key not in parts})
        other.set_progress_bar_config(**getattr(self, "_progress_bar_config", {}))
        return other

    def _steps(self, count: int | None) -> int:
        """How many steps to sample with: ``count``, or what the weights were stored with."""
        steps = self.config.default_denoising_steps if count is None else count
        if steps < 1:
            raise ValueError(f"num_inference_steps is {steps}: expected at least 1")
        return int(steps)

    def _conditions(
        self, given: Mapping[str, Tensor], posterior: str = "mode", generator: Generators = None
    ) -> Conditions:
        """What the denoiser is told, on its device."""
        height, width = given["agnostic"].shape[-2:]
        multiple = downscale(self.autoencoder) * self.unet.multiple
        if height % multiple or width % multiple:
            raise ValueError(f"pictures are {height}x{width}: height and width must be multiples of {multiple}")
        check_generators(generator, len(given["garment"]))
        names = ("agnostic", "agnostic_mask", "dense_pose", "garment")
        on_device: dict[str, Any] = {name: given[name].to(self.unet.device, self.unet.dtype) for name in names}
        sample, released_mask = posterior != "mode", self.config.get("released_mask", False)
        return encode_conditions(
            self.autoencoder, **on_device, sample=sample, generator=generator, released_mask=released_mask
        )

    def _noise(self, conditions: Conditions, latents: Tensor | None, generator: Generators) -> Tensor:
        """The start noise, given or drawn."""
        like = conditions.agnostic
        if latents is None:
            return randn_tensor(like.shape, generator=generator, device=like.device, dtype=like.dtype)
        if latents.shape != like.shape:
            raise ValueError(f"latents are {tuple(latents.shape)}: expected {tuple(like.shape)}")
        return latents.to(like)

    def _denoise(
        self,
        predict: Predictor,
        latents: Float[Tensor, "b 4 h w"],
        noise: Float[Tensor, "b 4 h w"],
        known: Conditions | None,
        callback: StepCallback | None,
        generator: Generators = None,
    ) -> Float[Tensor, "b 4 h w"]:
        """From start to clean latents; those of ``known`` are kept, if given. DDPM's noise is from ``generator``."""
        times = self.scheduler.timesteps
        drawn = {"generator": generator} if "generator" in inspect.signature(self.scheduler.step).parameters else {}
        for index, timestep in enumerate(self.progress_bar(times)):
            latents = self.scheduler.step(predict(latents, timestep), timestep, latents, **drawn).prev_sample
            if known is not None:
                following, kept = times[index + 1 : index + 2], known.agnostic
                kept = self.scheduler.add_noise(kept, noise, following) if len(following) else kept
                latents = blend(kept, latents, known.keep)
            if callback is not None:
                latents = callback(self, index, timestep, {"latents": latents}).get("latents", latents)
        return latents

    def _pictures(self, latents: Tensor, given: Mapping[str, Tensor], repaint: Repaint) -> TryOnOutput:
        """Latents as pictures, of which what lies outside the mask is given back."""
        painted = decode(self.autoencoder, latents).float()
        mask = given["agnostic_mask"].to(painted)
        if repaint == "released":
            painted = released_repaint(painted, given["person"].to(painted), mask)
        elif repaint:
            painted = blend_pixels(painted, given["agnostic"].to(painted), mask)
        return TryOnOutput(images=painted)
