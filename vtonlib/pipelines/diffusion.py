"""Try-on by a latent diffusion model: StableVITON's inference, seeded and without leaks unless asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.diffusion import guided
from vtonlib.models.autoencoder import encode
from vtonlib.models.conditions import Conditions
from vtonlib.models.image_encoder import ImageEncoder, PooledImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.latent import LatentPipeline
from vtonlib.pipelines.options import (
    Generators,
    GuidanceOn,
    Posterior,
    Predictor,
    Start,
    StepCallback,
    check_choices,
    check_numbers,
    check_options,
    check_timestep,
)
from vtonlib.pipelines.pictures import Picture, TryOnOutput, read_pictures
from vtonlib.pipelines.schedulers import Scheduler
from vtonlib.settings import Count

CHANNELS = {"garment": 3, "agnostic": 3, "agnostic_mask": 1, "dense_pose": 3, "person": 3, "shown": 3, "image": 3}
"""Of the pictures that the pipeline takes, by name."""


class TryOnDiffusionPipeline(LatentPipeline):
    """Puts a garment on a person: ``pipeline(garment=..., agnostic=..., agnostic_mask=..., dense_pose=...)``.

    It starts from pure noise, and the garment features are computed once, not at every step. How StableVITON's script
    differs is an option each: ``start``, ``repaint``, and its sampler, ``pipeline.with_sampler("plms")``.

    ``default_denoising_steps`` is stored with the weights, since how many steps are best depends on them; so is
    ``released_mask``, which resizes masks as StableVITON does.
    Book: sec-latent-diffusion.
    """

    def __init__(
        self,
        autoencoder: AutoencoderKL,
        image_encoder: ImageEncoder | PooledImageEncoder,
        unet: StableVITONUNet,
        scheduler: Scheduler,
        default_denoising_steps: Count = 20,
        released_mask: bool = False,
    ) -> None:
        super().__init__()
        self.register_to_config(default_denoising_steps=default_denoising_steps, released_mask=released_mask)
        self.register_modules(autoencoder=autoencoder, image_encoder=image_encoder, unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(  # budget: every option is documented here, where users of diffusers look
        self,
        *,
        garment: Picture,
        agnostic: Picture,
        agnostic_mask: Picture,
        dense_pose: Picture,
        num_inference_steps: int | None = None,
        guidance_scale: float = 1.0,
        guidance_on: GuidanceOn = "token",
        start: Start = "noise",
        person: Picture | None = None,
        token: Float[Tensor, "b n e"] | None = None,
        latents: Float[Tensor, "b 4 h w"] | None = None,
        repaint: bool = True,
        repaint_latents: bool = False,
        posterior: Posterior = "mode",
        generator: Generators = None,
        callback_on_step_end: StepCallback | None = None,
    ) -> TryOnOutput:
        """The person wearing the garment.

        Pictures are PIL images, numpy arrays or tensors, one or a batch: see
        :data:`vtonlib.pipelines.pictures.Picture` for shapes and ranges.

        Args:
            garment: flat garments; sides are multiples of the autoencoder's downscale times the UNet's own multiple.
            agnostic: persons with the region to paint greyed out.
            agnostic_mask: that region, 1 = paint.
            dense_pose: body surface maps.
            num_inference_steps: sampling steps; by default those that the pipeline was stored with.
            guidance_scale: 1 is no guidance, as in StableVITON's script (its validation uses 5). The prediction moves
                away from one that knows less, by this factor.
            guidance_on: what that one lacks. ``"token"``: the garment's token, for which it has the learned null
                vector; the features stay, as released. ``"features"``: the garment's features; it has those of empty
                latents with the null vector (trained by ``task.drop_garment``). ``"both"``.
            start: ``"noise"``, or ``"leaking"``: StableVITON's script starts from the noised *target*, of which 7 %
                are left, so its paired numbers contain a little of the answer. On noise levels that end in pure noise
                both are the same.
            person: the target, for the leaking start alone.
            token: the garment's token, where the image encoder cannot make it of the garment's latents:
                ``pipeline.image_encoder(pooled)`` with CLIP's pooled features.
            latents: the start noise, instead of drawing it.
            repaint: keep the pixels of ``agnostic`` outside the mask (StableVITON's ``--repaint``, there off).
            repaint_latents: also set the latents outside the mask to those of ``agnostic`` after each step, noised as
                much as the next step expects.
            posterior: how pictures become latents: the mode, or samples drawn once, or, as in StableVITON's code, the
                garment's drawn again for each network call.
            generator: source of all noise; with it the result is reproducible. A list has one for each sample.
            callback_on_step_end: called as diffusers does, with ``{"latents": ...}``; may return changed latents.

        Raises:
            ValueError: for pictures that do not fit each other or the model, no steps, values out of range or not
                finite, unknown options, and a person without the leaking start.

        Warns:
            InputWarning: for an image of one colour, and a mask that is empty or looks inverted.
        """
        pictures = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        check_options(start=start, guidance_on=guidance_on, posterior=posterior, person_given=person is not None)
        check_numbers(guidance_scale=guidance_scale)
        check_choices(repaint=(repaint, Literal[True, False]))
        given = read_pictures(pictures if person is None else {**pictures, "person": person}, CHANNELS)
        steps = self._steps(num_inference_steps)
        conditions = self._conditions(given, posterior, generator)
        noise = self._noise(conditions, latents, generator)
        encoded = partial(encode, self.autoencoder, sample=posterior != "mode", generator=generator)
        again = partial(encoded, given["garment"].to(noise)) if posterior == "sample_each_call" else None
        predict = self._predictor(conditions, token, guidance_scale, guidance_on, again)
        self.scheduler.set_timesteps(steps, device=noise.device)
        first = noise
        if person is not None:
            last = torch.tensor([self.scheduler.config.num_train_timesteps - 1], device=noise.device)
            first = self.scheduler.add_noise(encoded(given["person"].to(noise)), noise, last)
        known = conditions if repaint_latents else None
        made = self._denoise(predict, first, noise, known, callback_on_step_end, generator)
        return self._pictures(made, given, repaint)

    def _token(self, garment: Tensor, token: Tensor | None) -> Float[Tensor, "b n e"]:
        """The garment's token: what was given, or the image encoder's of its latents."""
        if token is None and isinstance(self.image_encoder, PooledImageEncoder):
            raise ValueError(
                "token is missing: this pipeline's image encoder reads CLIP's pooled features, not latents"
            )
        return self.image_encoder(garment) if token is None else token.to(garment)

    def _predictor(
        self,
        conditions: Conditions,
        token: Tensor | None,
        scale: float,
        guidance_on: str,
        again: Callable[[], Tensor] | None,
    ) -> Predictor:
        """The denoiser with its conditions bound, guided unless ``scale`` is 1; ``again`` draws the garment anew."""
        garment = conditions.garment
        told = self._token(garment, token)
        seen = self.unet.encode_garment(garment, told)
        null = self.image_encoder.learnable_vector.expand_as(told)
        hides = scale != 1 and guidance_on != "token"
        nothing = self.unet.encode_garment(torch.zeros_like(garment), null) if hides else None

        def predict(latents: Tensor, timestep: Tensor) -> Tensor:
            sample, time = conditions.inputs(latents), timestep.expand(len(latents))
            features = seen if again is None else self.unet.encode_garment(again(), told)
            prediction = self.unet(sample, time, told, features)
            if scale == 1:
                return prediction
            less = told if guidance_on == "features" else null
            return guided(prediction, self.unet(sample, time, less, features if nothing is None else nothing), scale)

        return predict

    @torch.no_grad()
    def read_attention(
        self,
        image: Picture,
        *,
        garment: Picture,
        agnostic: Picture,
        agnostic_mask: Picture,
        dense_pose: Picture,
        timestep: int = 400,
        shown: Picture | None = None,
        token: Float[Tensor, "b n e"] | None = None,
        generator: Generators = None,
    ) -> dict[str, AttentionRecord]:
        """The zero cross-attentions of one denoiser call, by the names of their blocks (``warps.0``, finest first).

        ``image`` is noised to ``timestep`` and denoised once. Give the pipeline's own result, so that nothing of the
        true person is used. ``shown`` is a picture that the keys see instead of the garment: the probe of how much
        attention depends on the garment's pixels.
        """
        pictures = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        check_timestep(timestep, self.scheduler.config.num_train_timesteps)
        others = {"image": image} if shown is None else {"image": image, "shown": shown}
        given = read_pictures(pictures | others, CHANNELS)
        conditions = self._conditions(given)
        noise = self._noise(conditions, None, generator)
        latents = encode(self.autoencoder, given["image"].to(noise))
        time = torch.full((len(latents),), timestep, device=noise.device)
        told = self._token(conditions.garment, token)
        other = None if shown is None else encode(self.autoencoder, given["shown"].to(noise))
        features = self.unet.encode_garment(conditions.garment, told, shown=other)
        with AttentionTap(self.unet, "warps.*.attn2.core") as tap:
            self.unet(conditions.inputs(self.scheduler.add_noise(latents, noise, time)), time, told, features)
        return {name.removesuffix(".attn2.core"): record for name, record in tap.items()}
