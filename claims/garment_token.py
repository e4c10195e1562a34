"""What the garment's one token is worth to the shipped StableVITON, whose blocks read the garment's features too."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib import checkpoints
from vtonlib.attention import expected_coordinates
from vtonlib.evaluation import end_point_error, l1, ssim
from vtonlib.evaluation.baselines import copy_flow, paste
from vtonlib.evaluation.painted import colour_error
from vtonlib.grids import resize_flow
from vtonlib.models.autoencoder import encode
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline

NAME, PEOPLE, GUIDANCE = "stableviton-tiny", 32, 3.0


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """People of the test split in others' garments, painted in one step; a seed is other people and other noise.

    ``_ssim`` is masked SSIM, ``_colour`` the error of the garment's mean colour, ``_places`` the finest attention's
    error in pixels, by what the network is told as its token: that of the garment, the null vector, that of the
    person's own garment. ``guided`` is the true token with guidance on it, ``features`` the true token with the
    features of the person's own garment. ``_change`` is how far the picture moves, as a mean over what is painted, in
    units of [-1, 1]. ``follows`` is the share of people who are painted nearer to the garment of the features than to
    that of the token, where these differ.
    """
    pipeline, world = checkpoints.load(NAME), checkpoints.source(NAME)
    assert isinstance(pipeline, TryOnDiffusionPipeline)
    pipeline.set_progress_bar_config(disable=True)
    index = torch.arange(seed * PEOPLE, (seed + 1) * PEOPLE)
    batch, own = world.unpaired("test", index), world.paired("test", index)
    true, another = (pipeline.image_encoder(encode(pipeline.autoencoder, g)) for g in (batch.garment, own.garment))
    null = pipeline.image_encoder.learnable_vector.expand_as(true)

    def painted(token: Tensor, scale: float = 1.0, **others: Tensor) -> Tensor:
        draw = torch.Generator().manual_seed(seed)
        given = batch.inputs | others
        return pipeline(**given, token=token, num_inference_steps=1, guidance_scale=scale, generator=draw).images

    pictures = {"true": painted(true), "null": painted(null), "another": painted(another)}
    found = {}
    for name, token in (("true", true), ("null", null), ("another", another)):
        draw = torch.Generator().manual_seed(seed)
        records = pipeline.read_attention(pictures[name], **batch.inputs, token=token, timestep=999, generator=draw)
        flow = resize_flow(expected_coordinates(records["warps.0"]), *batch.size)
        off = end_point_error(flow, batch.flow, batch.flow_mask, lattice=batch.size)
        found[f"{name}_places"] = float(off.nanmean())
    pictures["guided"] = painted(true, GUIDANCE)
    pictures["features"] = painted(true, garment=own.garment)
    pictures["copy"] = paste(batch, copy_flow(batch), batch.agnostic_mask)
    for name, image in pictures.items():
        found[f"{name}_ssim"] = float(ssim(image, batch.person, batch.agnostic_mask).nanmean())
        found[f"{name}_colour"] = float(colour_error(image, batch.person, batch.garment_region).nanmean())
    for name in ("null", "another", "features"):
        found[f"{name}_change"] = float(l1(pictures[name], pictures["true"], batch.agnostic_mask).nanmean())
    both = batch.garment_region * own.garment_region
    near, far = (l1(pictures["another"], wearing.person, both) for wearing in (batch, own))
    return found | {
        "follows": float((near < far).float().mean()),
        "null_loss": found["true_ssim"] - found["null_ssim"],
        "another_loss": found["true_ssim"] - found["another_ssim"],
        "guided_gain": found["guided_ssim"] - found["true_ssim"],
    }
