# budget: one pipeline, every option of which is documented where users of diffusers look
"""Leffa's inference, for try-on and for pose transfer: seeded, on any device, at any size.

Book: sec-two-unets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.diffusion import guided, rescale_guidance
from vtonlib.grids import resize_nearest
from vtonlib.models.autoencoder import encode
from vtonlib.models.conditions import INPUT_CHANNELS, Conditions, InputOrder, denoiser_inputs
from vtonlib.models.leffa import LeffaUNet, ReferenceFeatures
from vtonlib.pipelines.diffusion import CHANNELS
from vtonlib.pipelines.latent import LatentPipeline
from vtonlib.pipelines.options import (
    Generators,
    Predictor,
    ReferenceSteps,
    Repaint,
    StepCallback,
    check_choices,
    check_numbers,
    check_timestep,
)
from vtonlib.pipelines.pictures import Picture, TryOnOutput, read_pictures
from vtonlib.pipelines.schedulers import Scheduler
from vtonlib.settings import Count

NEEDS: dict[InputOrder, tuple[str, ...]] = {
    "stable_viton": ("agnostic", "agnostic_mask", "dense_pose"),
    "leffa": ("agnostic", "agnostic_mask"),
    "leffa_pose": ("dense_pose",),
    "leffa_released": ("dense_pose",),
}
"""Pictures that a denoiser cannot do without besides the reference, by the order of its inputs."""
Part = Literal["reference", "joined"]


class LeffaPipeline(LatentPipeline):
    """Paints a person after a reference: ``pipeline(garment=..., agnostic=..., agnostic_mask=..., dense_pose=...)``.

    For try-on the reference, ``garment``, is a garment; for pose transfer it is a picture of the person, who is painted
    in the pose of ``dense_pose``, and nothing need be known of the target otherwise.

    It starts from pure noise. How Leffa's script differs is an option each: ``guidance_rescale``, ``reference_steps``,
    ``posterior``, ``repaint``, and its sampler, ``pipeline.with_sampler("ddpm")``. All noise is drawn from
    ``generator``; Leffa's script draws the start noise and the latents of pictures without one.

    Stored with the weights: ``default_denoising_steps``; ``default_guidance_scale``, since guidance needs a training
    that hid the reference now and then; and ``order``, that of the input channels
    (:func:`vtonlib.models.conditions.denoiser_inputs`).

    Of a released file, ``weights``: ``LeffaPipeline(load("leffa_try_on_autoencoder", weights), load("leffa_try_on",
    weights), released_scheduler("ddpm"), order="leffa_released")``; for pose transfer ``"leffa_pose"`` and
    ``zero_terminal=True``. :func:`vtonlib.pipelines.released.released_pictures` prepares pictures as released.

    Raises:
        ValueError: for an unknown order, and a denoiser of another number of input channels.

    Source: Leffa, section 3.1, and its inference code. Book: sec-two-unets.
    """

    def __init__(
        self,
        autoencoder: AutoencoderKL,
        unet: LeffaUNet,
        scheduler: Scheduler,
        default_denoising_steps: Count = 50,
        default_guidance_scale: float = 2.5,
        order: InputOrder = "leffa",
    ) -> None:
        super().__init__()
        check_choices(order=(order, InputOrder))
        if unet.config.in_channels != INPUT_CHANNELS[order]:
            raise ValueError(
                f"order is {order!r}, of {INPUT_CHANNELS[order]} channels: the unet takes {unet.config.in_channels}"
            )
        self.register_to_config(
            default_denoising_steps=default_denoising_steps, default_guidance_scale=default_guidance_scale, order=order
        )
        self.register_modules(autoencoder=autoencoder, unet=unet, scheduler=scheduler)

    @property
    def needs_person(self) -> bool:
        """Whether it paints on a picture of somebody; without one, everything is painted."""
        return "agnostic" in NEEDS[self.config.order]

    @torch.no_grad()
    def __call__(  # budget: every option is documented here, where users of diffusers look
        self,
        *,
        garment: Picture,
        agnostic: Picture | None = None,
        agnostic_mask: Picture | None = None,
        dense_pose: Picture | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        reference_steps: ReferenceSteps = "each",
        person: Picture | None = None,
        latents: Float[Tensor, "b 4 h w"] | None = None,
        repaint: Repaint = True,
        repaint_latents: bool = False,
        posterior: Literal["mode", "sample"] = "mode",
        generator: Generators = None,
        callback_on_step_end: StepCallback | None = None,
    ) -> TryOnOutput:
        """The person wearing the garment, or in the other pose.

        Pictures are PIL images, numpy arrays or tensors, one or a batch: see
        :data:`vtonlib.pipelines.pictures.Picture` for shapes and ranges.

        Args:
            garment: the reference: garments, or persons; sides are multiples of the autoencoder's downscale times the
                UNet's own multiple.
            agnostic: persons with the region to paint greyed out; left out for pose transfer, where all is painted.
            agnostic_mask: that region, 1 = paint.
            dense_pose: body surface maps; models of the order ``"leffa"`` read none.
            num_inference_steps: sampling steps; by default those that the pipeline was stored with.
            guidance_scale: 1 is no guidance. The prediction moves away from that without a reference, whose latents are
                zeros, by this factor; by default the one that the pipeline was stored with, as released 2.5.
            guidance_rescale: the share of the spread guidance adds that is taken back, see
                :func:`vtonlib.diffusion.rescale_guidance`. Leffa's code passes its guidance scale, 2.5, with which it
                takes back more than was added; its published numbers come from that. By default nothing is taken back.
            reference_steps: ``"each"``: the reference is read anew at the noise level of every step, as in training.
                ``"once"``: at that of the middle step, for all of them, which costs less.
            person: the true person, for ``repaint="released"`` alone.
            latents: the start noise, instead of drawing it.
            repaint: keep the pixels of ``agnostic`` outside the mask. ``"released"``: as Leffa's script does where it
                is asked to, :func:`vtonlib.pipelines.released.released_repaint`, for which it needs the ``person``.
            repaint_latents: also set the latents outside the mask to those of ``agnostic`` after each step, noised as
                much as the next step expects.
            posterior: how pictures become latents: the mode, or samples, as in Leffa's code.
            generator: source of all noise; with it the result is reproducible. A list has one for each sample.
            callback_on_step_end: called as diffusers does, with ``{"latents": ...}``; may return changed latents.

        Raises:
            ValueError: for pictures that are missing or do not fit each other or the model, no steps, values out of
                range or not finite, unknown options, and a person without the released repainting.

        Warns:
            InputWarning: for an image of one colour, and a mask that is empty or looks inverted.
        """
        check_choices(
            reference_steps=(reference_steps, ReferenceSteps),
            posterior=(posterior, Literal["mode", "sample"]),
            repaint=(repaint, Repaint),
        )
        if (person is not None) != (repaint == "released"):
            raise ValueError(f"repaint is {repaint!r}: person is expected for repaint='released', and for nothing else")
        pictures = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        given = self._completed(read_pictures(self._present({**pictures, "person": person}), CHANNELS))
        steps = self._steps(num_inference_steps)
        scale = self.config.default_guidance_scale if guidance_scale is None else guidance_scale
        check_numbers(guidance_scale=scale, guidance_rescale=guidance_rescale)
        conditions = self._conditions(given, posterior, generator)
        noise = self._noise(conditions, latents, generator)
        self.scheduler.set_timesteps(steps, device=noise.device)
        read = self._reader(conditions.garment, scale != 1, reference_steps)
        predict = self._predictor(self._inputs(given, conditions), read, scale, guidance_rescale)
        known = conditions if repaint_latents else None
        made = self._denoise(predict, noise, noise, known, callback_on_step_end, generator)
        return self._pictures(made, given, repaint)

    def _present(self, pictures: Mapping[str, Picture | None]) -> dict[str, Picture]:
        """Those that are given."""
        given = {name: picture for name, picture in pictures.items() if picture is not None}
        together = ("agnostic", "agnostic_mask") if given.keys() & {"agnostic", "agnostic_mask"} else ()
        for name in (*NEEDS[self.config.order], *together):
            if name not in given:
                reason = "it goes with the other" if name in together else f"inputs of order '{self.config.order}'"
                raise ValueError(f"{name} is missing: this pipeline needs it ({reason})")
        return given

    def _completed(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """All pictures; where nothing is known of the person, everything is to be painted."""
        empty = torch.zeros_like(given["garment"])
        return {"agnostic": empty, "agnostic_mask": 1 + empty[:, :1], "dense_pose": empty} | given

    def _inputs(self, given: Mapping[str, Tensor], conditions: Conditions) -> Callable[[Tensor], Tensor]:
        """The denoiser's input channels for latents, in their order."""
        order, pose = self.config.order, given["dense_pose"].to(conditions.agnostic)
        if order == "leffa_released":
            height, width = conditions.keep.shape[-2:]
            conditions = conditions._replace(keep=1 - resize_nearest(given["agnostic_mask"].to(pose), height, width))
        return lambda latents: denoiser_inputs(order, latents, conditions, pose)

    def _reader(
        self, reference: Float[Tensor, "b 4 h w"], guides: bool, reference_steps: str
    ) -> Callable[[Tensor], tuple[ReferenceFeatures, ReferenceFeatures | None]]:
        """The reference's features at a time step, and those of none where it ``guides``.

        Those of none are the same for all samples, so they are computed for one.
        """

        def read(timestep: Int[Tensor, ""]) -> tuple[ReferenceFeatures, ReferenceFeatures | None]:
            time = timestep.expand(len(reference))
            seen = self.unet.encode_reference(reference, time)
            if not guides:
                return seen, None
            none = self.unet.encode_reference(torch.zeros_like(reference[:1]), time[:1])
            values, keys = ([x.expand(len(reference), -1, -1) for x in part] for part in (none.values, none.keys))
            zeros = none.latents.expand_as(reference)
            return seen, none._replace(values=tuple(values), keys=tuple(keys), latents=zeros)

        if reference_steps == "each":
            return read
        times = self.scheduler.timesteps
        once = read(times[len(times) // 2])
        return lambda timestep: once

    def _predictor(
        self,
        inputs: Callable[[Tensor], Tensor],
        read: Callable[[Tensor], tuple[ReferenceFeatures, ReferenceFeatures | None]],
        scale: float,
        rescale: float,
    ) -> Predictor:
        """The denoiser with its conditions bound, guided where there are features of no reference."""

        def predict(latents: Tensor, timestep: Tensor) -> Tensor:
            sample, time = inputs(latents), timestep.expand(len(latents))
            seen, none = read(timestep)
            prediction = self.unet(sample, time, seen)
            if none is None:
                return prediction
            made = guided(prediction, self.unet(sample, time, none), scale)
            return rescale_guidance(made, prediction, rescale) if rescale else made

        return predict

    @torch.no_grad()
    def read_attention(
        self,
        image: Picture,
        *,
        garment: Picture,
        agnostic: Picture | None = None,
        agnostic_mask: Picture | None = None,
        dense_pose: Picture | None = None,
        timestep: int = 400,
        shown: Picture | None = None,
        part: Part = "reference",
        generator: Generators = None,
    ) -> dict[str, AttentionRecord]:
        """The attentions of one denoiser call, by their blocks (``up_blocks.1.attentions.0``), the last of all first.

        ``image`` is noised to ``timestep`` and denoised once. Give the pipeline's own result, so that nothing of the
        true person is used. ``shown`` is a picture that the keys see instead of the reference: the probe of how much
        attention depends on the reference's pixels. Each record is the reference's ``part`` of the rows, renormalised,
        or the joined attention itself, whose keys are the person's own tokens and then the reference's.

        Raises:
            ValueError: as when it is called, for an unknown part, and for a time step that there is not.
        """
        check_choices(part=(part, Part))
        check_timestep(timestep, self.scheduler.config.num_train_timesteps)
        pictures = {"garment": garment, "agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose}
        given = self._completed(read_pictures(self._present({**pictures, "image": image, "shown": shown}), CHANNELS))
        conditions = self._conditions(given)
        noise = self._noise(conditions, None, generator)
        latents = encode(self.autoencoder, given["image"].to(noise))
        time = torch.full((len(latents),), timestep, device=noise.device)
        other = None if shown is None else encode(self.autoencoder, given["shown"].to(noise))
        features = self.unet.encode_reference(conditions.garment, time, shown=other)
        noisy = self.scheduler.add_noise(latents, noise, time)
        with AttentionTap(self.unet, "unet.*.attn1.core") as tap:
            self.unet(self._inputs(given, conditions)(noisy), time, features)
        records = {_block(name): record for name, record in reversed(list(tap.items()))}
        if part == "joined":
            return records
        return {name: record.per_key_grid()[-1] for name, record in records.items()}


def _block(core: str) -> str:
    """The name of the block that a core is in; where a block has several, the first goes without its number."""
    return core.removeprefix("unet.").removesuffix(".attn1.core").removesuffix(".transformer_blocks.0")
