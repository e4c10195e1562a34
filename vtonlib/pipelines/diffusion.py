"""Try-on by a latent diffusion model: StableVITON's inference, seeded and without leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.images import check_ranges
from vtonlib.models.autoencoder import decode, encode
from vtonlib.models.conditions import Conditions, encode_conditions
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet


@dataclass
class TryOnOutput(BaseOutput):
    """Images [b 3 h w] in [-1, 1]."""

    images: Float[Tensor, "b 3 h w"]
    """The persons in their new garments, in [-1, 1]."""


StepCallback = Callable[["TryOnDiffusionPipeline", int, Tensor, dict[str, Tensor]], dict[str, Tensor]]


class TryOnDiffusionPipeline(DiffusionPipeline):
    """Puts a garment on a person: ``pipeline(garment=..., agnostic=..., agnostic_mask=..., dense_pose=...)``.

    It starts from pure noise. StableVITON's script starts from the noised *target* image, of which 7 % remain, so its
    paired numbers contain a little of the answer. The garment features are computed once, not at every step.

    ``default_denoising_steps`` is stored with the weights, since how many steps are best depends on them.
    Book: sec-latent-diffusion.
    """

    def __init__(
        self,
        autoencoder: AutoencoderKL,
        image_encoder: ImageEncoder,
        unet: StableVITONUNet,
        scheduler: DDIMScheduler,
        default_denoising_steps: int = 20,
    ) -> None:
        super().__init__()
        self.register_to_config(default_denoising_steps=default_denoising_steps)
        self.register_modules(autoencoder=autoencoder, image_encoder=image_encoder, unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        *,
        garment: Float[Tensor, "b 3 h w"],
        agnostic: Float[Tensor, "b 3 h w"],
        agnostic_mask: Float[Tensor, "b 1 h w"],
        dense_pose: Float[Tensor, "b 3 h w"],
        num_inference_steps: int | None = None,
        guidance_scale: float = 1.0,
        repaint: bool = True,
        generator: torch.Generator | None = None,
        callback_on_step_end: StepCallback | None = None,
    ) -> TryOnOutput:
        """The person wearing the garment.

        Args:
            garment: flat garments in [-1, 1]; sides are multiples of 4 times the UNet's own multiple.
            agnostic: persons with the region to paint greyed out, in [-1, 1].
            agnostic_mask: that region, 1 = paint.
            dense_pose: body surface maps in [-1, 1].
            num_inference_steps: DDIM steps; by default those that the pipeline was stored with.
            guidance_scale: 1 is no guidance, as in StableVITON's script (its validation uses 5). More amplifies the
                garment's token only; the garment features stay in both branches.
            repaint: keep the pixels of ``agnostic`` outside the mask (StableVITON's ``--repaint``, there off).
            generator: source of the start noise; with it the result is reproducible.
            callback_on_step_end: called as diffusers does, with ``{"latents": ...}``; may return changed latents.

        Raises:
            ValueError: for sizes that do not fit each other or the model, no steps, and values out of range.
        """
        images = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        check_ranges(images, {"agnostic_mask": agnostic_mask})
        on_device = {name: image.to(self.unet.device, self.unet.dtype) for name, image in images.items()}
        conditions = encode_conditions(self.autoencoder, **on_device)
        latents = self._denoise(conditions, num_inference_steps, guidance_scale, generator, callback_on_step_end)
        result = decode(self.autoencoder, latents)
        if repaint:
            mask = on_device["agnostic_mask"]
            result = on_device["agnostic"] * (1 - mask) + result * mask
        return TryOnOutput(images=result.float())

    def _denoise(
        self,
        conditions: Conditions,
        steps: int | None,
        guidance_scale: float,
        generator: torch.Generator | None,
        callback: StepCallback | None,
    ) -> Float[Tensor, "b 4 h w"]:
        """DDIM from pure noise to latents."""
        token = self.image_encoder(conditions.garment)
        features = self.unet.encode_garment(conditions.garment, token)
        null = self.image_encoder.learnable_vector.expand_as(token)
        latents = randn_tensor(
            conditions.agnostic.shape, generator=generator, device=token.device, dtype=conditions.agnostic.dtype
        )
        steps = self.config.default_denoising_steps if steps is None else steps
        if steps < 1:
            raise ValueError(f"num_inference_steps is {steps}: expected at least 1")
        self.scheduler.set_timesteps(steps, device=token.device)
        for index, timestep in enumerate(self.progress_bar(self.scheduler.timesteps)):
            sample, time = conditions.inputs(latents), timestep.expand(len(latents))
            prediction = self.unet(sample, time, token, features)
            if guidance_scale != 1:
                unconditional = self.unet(sample, time, null, features)
                prediction = unconditional + guidance_scale * (prediction - unconditional)
            latents = self.scheduler.step(prediction, timestep, latents).prev_sample
            if callback is not None:
                latents = callback(self, index, timestep, {"latents": latents}).get("latents", latents)
        return latents

    @torch.no_grad()
    def read_attention(
        self,
        image: Float[Tensor, "b 3 h w"],
        *,
        garment: Float[Tensor, "b 3 h w"],
        agnostic: Float[Tensor, "b 3 h w"],
        agnostic_mask: Float[Tensor, "b 1 h w"],
        dense_pose: Float[Tensor, "b 3 h w"],
        timestep: int = 400,
        shown: Float[Tensor, "b 3 h w"] | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, AttentionRecord]:
        """The zero cross-attentions of one denoiser call, by the names of their blocks (``warps.0``, finest first).

        ``image`` is noised to ``timestep`` and denoised once. Give the pipeline's own result, so that nothing of the
        true person is used. ``shown`` is a picture that the keys see instead of the garment: the probe of how much
        attention depends on the garment's pixels.
        """
        device, dtype = self.unet.device, self.unet.dtype
        images = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        conditions = encode_conditions(self.autoencoder, **{n: x.to(device, dtype) for n, x in images.items()})
        latents = encode(self.autoencoder, image.to(device, dtype))
        noise = randn_tensor(latents.shape, generator=generator, device=device, dtype=dtype)
        time = torch.full((len(latents),), timestep, device=device)
        token = self.image_encoder(conditions.garment)
        other = None if shown is None else encode(self.autoencoder, shown.to(device, dtype))
        features = self.unet.encode_garment(conditions.garment, token, shown=other)
        with AttentionTap(self.unet, "warps.*.attn2.core") as tap:
            self.unet(conditions.inputs(self.scheduler.add_noise(latents, noise, time)), time, token, features)
        return {name.removesuffix(".attn2.core"): record for name, record in tap.items()}
