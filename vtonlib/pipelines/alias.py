"""Try-on in three stages, VITON-HD's way: segment, warp, paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from diffusers import DiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.parse import GARMENT, GROUPS
from vtonlib.grids import warp
from vtonlib.models.alias import ALIASGenerator, split_parse
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.pipelines.pictures import Picture, TryOnOutput, blend_pixels, read_pictures

CHANNELS = {
    "garment": 3,
    "garment_mask": 1,
    "agnostic": 3,
    "agnostic_mask": 1,
    "visible_groups": len(GROUPS),
    "dense_pose": 3,
}
"""Of the pictures that the pipeline takes, by name."""


@dataclass
class ALIASOutput(TryOnOutput):
    """The try-on images, and what the three stages made, at the images' size."""

    parse: Float[Tensor, "b groups h w"]
    """Stage 1: the segmentation of the person in the new garment, one-hot."""
    flow: Float[Tensor, "b h w 2"]
    """Stage 2: where each pixel of the warped garment comes from."""
    warped_garment: Float[Tensor, "b 3 h w"]
    """Stage 2: the warped garment in [-1, 1], mid grey around it."""
    misalign_mask: Float[Tensor, "b 1 h w"]
    """Where the segmentation wants garment and the warp has none."""


def segmentation_input(
    garment: Float[Tensor, "b 3 h w"],
    garment_mask: Float[Tensor, "b 1 h w"],
    visible_groups: Float[Tensor, "b groups h w"],
    dense_pose: Float[Tensor, "b 3 h w"],
    noise: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b c h w"]:
    """Stage 1 sees garment mask, garment, the visible part of the segmentation, pose and noise.

    VITON-HD's noise is a picture of 0 and 1, an accident of its conversion to bytes; ours is Gaussian.
    Book: sec-alias-generator.
    """
    return torch.cat((garment_mask, garment * garment_mask, visible_groups, dense_pose, noise), dim=1)


def matching_input(
    garment_region: Float[Tensor, "b 1 h w"],
    dense_pose: Float[Tensor, "b 3 h w"],
    agnostic: Float[Tensor, "b 3 h w"],
) -> Float[Tensor, "b 7 h w"]:
    """Stage 2 sees, of the person, where the garment belongs, pose and agnostic image. Book: sec-alias-generator."""
    return torch.cat((garment_region, dense_pose, agnostic), dim=1)


def painting_input(
    agnostic: Float[Tensor, "b 3 h w"],
    dense_pose: Float[Tensor, "b 3 h w"],
    warped_garment: Float[Tensor, "b 3 h w"],
) -> Float[Tensor, "b 9 h w"]:
    """Stage 3 sees, besides labels and mask, agnostic image, pose and warped garment. Book: sec-alias-generator."""
    return torch.cat((agnostic, dense_pose, warped_garment), dim=1)


def warp_garment(
    garment: Float[Tensor, "b 3 h w"], garment_mask: Float[Tensor, "b 1 h w"], flow: Float[Tensor, "b h w 2"]
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]]:
    """The garment read through the flow, mid grey where it is not, and the mask of where it is (0 to 1).

    Flows stay in single precision where images have half of it: places need the digits more than colours do.
    Book: sec-warping.
    """
    covered = warp(garment_mask.to(flow.dtype), flow)
    warped = warp(garment.to(flow.dtype), flow) * covered
    return warped.to(garment.dtype), covered.to(garment.dtype)


class _Inputs(NamedTuple):
    """What the pipeline is given, on its device."""

    garment: Float[Tensor, "b 3 h w"]
    garment_mask: Float[Tensor, "b 1 h w"]
    agnostic: Float[Tensor, "b 3 h w"]
    agnostic_mask: Float[Tensor, "b 1 h w"]
    visible_groups: Float[Tensor, "b groups h w"]
    dense_pose: Float[Tensor, "b 3 h w"]

    def keep(self, parse: Float[Tensor, "b groups h w"]) -> Float[Tensor, "b groups h w"]:
        """``parse`` with the visible labels outside the mask, wherever those are known."""
        visible = self.visible_groups * (1 - self.agnostic_mask)
        return visible + parse * (1 - visible.sum(1, keepdim=True))


class ALIASPipeline(DiffusionPipeline):
    """Puts a garment on a person: ``pipeline(garment=..., garment_mask=..., agnostic=..., ...)``.

    Segmentation, geometric matching, ALIAS generator, each trained apart.

    Source: VITON-HD, figure 2. Book: sec-alias-generator.
    """

    def __init__(
        self, segmentation: SegmentationGenerator, matcher: GeometricMatcher, generator_network: ALIASGenerator
    ) -> None:
        super().__init__()
        self.register_modules(segmentation=segmentation, matcher=matcher, generator_network=generator_network)

    @torch.no_grad()
    def __call__(  # budget: every option is documented here, where users of diffusers look
        self,
        *,
        garment: Picture,
        garment_mask: Picture,
        agnostic: Picture,
        agnostic_mask: Picture,
        visible_groups: Float[Tensor, "b groups h w"],
        dense_pose: Picture,
        repaint: bool = True,
        generator: torch.Generator | None = None,
    ) -> ALIASOutput:
        """The person wearing the garment, and what each stage made.

        Pictures are PIL images, numpy arrays or tensors, one or a batch: see
        :data:`vtonlib.pipelines.pictures.Picture` for shapes and ranges.

        Args:
            garment: flat garments.
            garment_mask: where the garment is in its image, 1 = inside.
            agnostic: persons with the region to paint greyed out.
            agnostic_mask: that region, 1 = paint.
            visible_groups: the segmentation of what is visible, by ``vtonlib.data.parse.GROUPS``; zeros where unknown.
            dense_pose: body surface maps.
            repaint: keep the pixels of ``agnostic`` outside the mask, and the labels that are known there.
            generator: source of the noise; with it the result is reproducible.

        Raises:
            ValueError: for inputs that do not fit each other, for values out of range or not finite, and for sizes
                that the networks were not built for.

        Warns:
            InputWarning: for an image of one colour, and an agnostic mask that is empty or looks inverted.
        """
        pictures = (garment, garment_mask, agnostic, agnostic_mask, visible_groups, dense_pose)
        given = read_pictures(dict(zip(CHANNELS, pictures, strict=True)), CHANNELS)
        x = _Inputs(**{name: image.to(self.device, self.generator_network.dtype) for name, image in given.items()})
        parse = self._segment(x, generator)
        parse = x.keep(parse) if repaint else parse
        region = parse[:, GARMENT : GARMENT + 1]
        flow = self.matcher(matching_input(region, x.dense_pose, x.agnostic), x.garment)
        warped, covered = warp_garment(x.garment, x.garment_mask, flow)
        misalign = (region - covered).clamp_min(0)
        images = self._paint(x, parse, warped, misalign, generator)
        if repaint:
            images = blend_pixels(images, x.agnostic, x.agnostic_mask)
        return ALIASOutput(*(made.float() for made in (images, parse, flow, warped, misalign)))

    def _segment(self, x: _Inputs, generator: torch.Generator | None) -> Float[Tensor, "b groups h w"]:
        """Stage 1: the likeliest label of each pixel, one-hot."""
        noise = randn_tensor(
            x.agnostic_mask.shape, generator=generator, device=x.agnostic.device, dtype=x.agnostic.dtype
        )
        known = segmentation_input(x.garment, x.garment_mask, x.visible_groups, x.dense_pose, noise)
        logits = self.segmentation(known)
        return torch.zeros_like(logits).scatter_(1, logits.argmax(1, keepdim=True), 1)

    def _paint(
        self, x: _Inputs, parse: Tensor, warped: Tensor, misalign: Tensor, generator: torch.Generator | None
    ) -> Float[Tensor, "b 3 h w"]:
        """Stage 3: the whole image."""
        inputs = painting_input(x.agnostic, x.dense_pose, warped)
        divided = split_parse(parse, misalign, GARMENT)
        return self.generator_network(inputs, parse, divided, misalign, generator=generator)
