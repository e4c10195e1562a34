"""Try-on by a latent diffusion model: StableVITON's inference, seeded and without leaks unless asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Self

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.models.autoencoder import decode, encode
from vtonlib.models.conditions import Conditions, encode_conditions
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.blending import blend_latents, blend_pixels
from vtonlib.pipelines.pictures import Picture, TryOnOutput, read_pictures
from vtonlib.pipelines.schedulers import PLMSScheduler, SamplerName, sampler

StepCallback = Callable[["TryOnDiffusionPipeline", int, Tensor, dict[str, Tensor]], dict[str, Tensor]]
Generators = torch.Generator | Sequence[torch.Generator] | None
"""Source of noise: one for the batch, or one for each sample, whose noise then does not depend on the others."""
Predictor = Callable[[Float[Tensor, "b 4 h w"], Tensor], Float[Tensor, "b 4 h w"]]
CHANNELS = {"garment": 3, "agnostic": 3, "agnostic_mask": 1, "dense_pose": 3, "person": 3, "shown": 3, "image": 3}
"""Of the pictures that the pipeline takes, by name."""


class TryOnDiffusionPipeline(DiffusionPipeline):
    """Puts a garment on a person: ``pipeline(garment=..., agnostic=..., agnostic_mask=..., dense_pose=...)``.

    It starts from pure noise, and the garment features are computed once, not at every step. How StableVITON's script
    differs is an option each: ``start``, ``repaint``, and its sampler, ``pipeline.with_sampler("plms")``.

    ``default_denoising_steps`` is stored with the weights, since how many steps are best depends on them.
    Book: sec-latent-diffusion.
    """

    def __init__(
        self,
        autoencoder: AutoencoderKL,
        image_encoder: ImageEncoder,
        unet: StableVITONUNet,
        scheduler: DDIMScheduler | PLMSScheduler,
        default_denoising_steps: int = 20,
    ) -> None:
        super().__init__()
        self.register_to_config(default_denoising_steps=default_denoising_steps)
        self.register_modules(autoencoder=autoencoder, image_encoder=image_encoder, unet=unet, scheduler=scheduler)

    def with_sampler(self, name: SamplerName) -> Self:
        """A pipeline of the same networks that samples with DDIM or PLMS.

        Raises:
            ValueError: see :func:`vtonlib.pipelines.schedulers.sampler`.
        """
        parts = {**self.components, "scheduler": sampler(name, self.scheduler)}
        other = type(self)(**parts, default_denoising_steps=self.config.default_denoising_steps)
        other.set_progress_bar_config(**getattr(self, "_progress_bar_config", {}))
        return other

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
        guidance_on: Literal["token", "garment"] = "token",
        start: Literal["noise", "leaking"] = "noise",
        person: Picture | None = None,
        token: Float[Tensor, "b n e"] | None = None,
        latents: Float[Tensor, "b 4 h w"] | None = None,
        repaint: bool = True,
        repaint_latents: bool = False,
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
            guidance_on: what that one lacks. ``"token"``, the garment's token, for which it has the learned null
                vector, as released: the garment's features stay in both. ``"garment"``: the features are those of
                empty latents as well.
            start: ``"noise"``, or ``"leaking"``: StableVITON's script starts from the noised *target*, of which 7 %
                are left, so its paired numbers contain a little of the answer. On noise levels that end in pure noise
                both are the same.
            person: the target, for the leaking start alone.
            token: the garment's token, where the image encoder cannot make it of the garment's latents.
            latents: the start noise, instead of drawing it.
            repaint: keep the pixels of ``agnostic`` outside the mask (StableVITON's ``--repaint``, there off).
            repaint_latents: also set the latents outside the mask to those of ``agnostic`` after each step, noised as
                much as the next step expects.
            generator: source of the start noise; with it the result is reproducible. A list has one for each sample.
            callback_on_step_end: called as diffusers does, with ``{"latents": ...}``; may return changed latents.

        Raises:
            ValueError: for pictures that do not fit each other or the model, no steps, values out of range or not
                finite, unknown options, and a person without the leaking start.

        Warns:
            InputWarning: for an image of one colour, and a mask that is empty or looks inverted.
        """
        pictures = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        if (person is not None) != (start == "leaking"):
            raise ValueError(f"start is {start!r}: person is expected for start='leaking', and for nothing else")
        given = read_pictures(pictures if person is None else {**pictures, "person": person}, CHANNELS)
        steps = self.config.default_denoising_steps if num_inference_steps is None else num_inference_steps
        if steps < 1:
            raise ValueError(f"num_inference_steps is {steps}: expected at least 1")
        conditions = self._conditions(given)
        predict = self._predictor(conditions, token, guidance_scale, guidance_on)
        noise = self._noise(conditions, latents, generator)
        self.scheduler.set_timesteps(steps, device=noise.device)
        first = self._start(start, noise, given.get("person"))
        known = conditions if repaint_latents else None
        painted = decode(self.autoencoder, self._denoise(predict, first, noise, known, callback_on_step_end)).float()
        if repaint:
            painted = blend_pixels(painted, given["agnostic"].to(painted), given["agnostic_mask"].to(painted))
        return TryOnOutput(images=painted)

    def _conditions(self, given: dict[str, Tensor]) -> Conditions:
        """What the denoiser is told, on its device."""
        names = ("agnostic", "agnostic_mask", "dense_pose", "garment")
        on_device = {name: given[name].to(self.unet.device, self.unet.dtype) for name in names}
        return encode_conditions(self.autoencoder, **on_device)

    def _noise(self, conditions: Conditions, latents: Tensor | None, generator: Generators) -> Tensor:
        """The start noise, given or drawn."""
        like = conditions.agnostic
        if latents is None:
            generator = list(generator) if isinstance(generator, Sequence) else generator
            return randn_tensor(like.shape, generator=generator, device=like.device, dtype=like.dtype)
        if latents.shape != like.shape:
            raise ValueError(f"latents are {tuple(latents.shape)}: expected {tuple(like.shape)}")
        return latents.to(like)

    def _start(self, start: str, noise: Tensor, person: Tensor | None) -> Tensor:
        """Where sampling begins: noise, or the person's latents at the highest noise level."""
        if start not in ("noise", "leaking"):
            raise ValueError(f"start is {start!r}: expected 'noise' or 'leaking'")
        if person is None:
            return noise
        last = torch.tensor([self.scheduler.config.num_train_timesteps - 1], device=noise.device)
        return self.scheduler.add_noise(encode(self.autoencoder, person.to(noise)), noise, last)

    def _predictor(self, conditions: Conditions, token: Tensor | None, scale: float, guidance_on: str) -> Predictor:
        """The denoiser with its conditions bound, guided unless ``scale`` is 1."""
        if guidance_on not in ("token", "garment"):
            raise ValueError(f"guidance_on is {guidance_on!r}: expected 'token' or 'garment'")
        token = self.image_encoder(conditions.garment) if token is None else token.to(conditions.garment)
        features = self.unet.encode_garment(conditions.garment, token)
        null, null_features = self.image_encoder.learnable_vector.expand_as(token), features
        if scale != 1 and guidance_on == "garment":
            null_features = self.unet.encode_garment(torch.zeros_like(conditions.garment), null)

        def predict(latents: Tensor, timestep: Tensor) -> Tensor:
            sample, time = conditions.inputs(latents), timestep.expand(len(latents))
            prediction = self.unet(sample, time, token, features)
            if scale == 1:
                return prediction
            unconditional = self.unet(sample, time, null, null_features)
            return unconditional + scale * (prediction - unconditional)

        return predict

    def _denoise(
        self,
        predict: Predictor,
        latents: Float[Tensor, "b 4 h w"],
        noise: Float[Tensor, "b 4 h w"],
        known: Conditions | None,
        callback: StepCallback | None,
    ) -> Float[Tensor, "b 4 h w"]:
        """From start to clean latents; those of ``known`` are kept, if given."""
        times = self.scheduler.timesteps
        for index, timestep in enumerate(self.progress_bar(times)):
            latents = self.scheduler.step(predict(latents, timestep), timestep, latents).prev_sample
            if known is not None:
                following, kept = times[index + 1 : index + 2], known.agnostic
                kept = self.scheduler.add_noise(kept, noise, following) if len(following) else kept
                latents = blend_latents(latents, kept, known.keep)
            if callback is not None:
                latents = callback(self, index, timestep, {"latents": latents}).get("latents", latents)
        return latents

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
        generator: Generators = None,
    ) -> dict[str, AttentionRecord]:
        """The zero cross-attentions of one denoiser call, by the names of their blocks (``warps.0``, finest first).

        ``image`` is noised to ``timestep`` and denoised once. Give the pipeline's own result, so that nothing of the
        true person is used. ``shown`` is a picture that the keys see instead of the garment: the probe of how much
        attention depends on the garment's pixels.
        """
        pictures = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        others = {"image": image} if shown is None else {"image": image, "shown": shown}
        given = read_pictures(pictures | others, CHANNELS)
        conditions = self._conditions(given)
        noise = self._noise(conditions, None, generator)
        latents = encode(self.autoencoder, given["image"].to(noise))
        time = torch.full((len(latents),), timestep, device=noise.device)
        token = self.image_encoder(conditions.garment)
        other = None if shown is None else encode(self.autoencoder, given["shown"].to(noise))
        features = self.unet.encode_garment(conditions.garment, token, shown=other)
        with AttentionTap(self.unet, "warps.*.attn2.core") as tap:
            self.unet(conditions.inputs(self.scheduler.add_noise(latents, noise, time)), time, token, features)
        return {name.removesuffix(".attn2.core"): record for name, record in tap.items()}
