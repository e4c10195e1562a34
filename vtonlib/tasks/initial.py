"""Starting a run from the weights of an earlier one: the stages of training, and growth from coarse to fine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import nn

from vtonlib.disk import checksum
from vtonlib.models.garment_encoder import begin_as
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.models.stored import load_stored


def load_initial(folder: Path, autoencoder: AutoencoderKL, **models: nn.Module) -> str:
    """Copy the weights of a run, or of a stored pipeline, into new ``models`` of the same shape, by their names there.

    Returns their checksum, by which a run knows what it started from.

    Weights are convolutions and attentions, which fit any lattice: a model of 64x48 pictures starts one of 128x96.

    Raises:
        FileNotFoundError: when the folder holds no such weights.
        ValueError: when they are of models of another shape (naming what differs), or were trained on the latents of
            an autoencoder with other weights than ``autoencoder``.
    """
    stored = folder / "final" if (folder / "final").is_dir() else folder
    latents = load_stored(AutoencoderKL, stored / "autoencoder").state_dict()
    own = autoencoder.state_dict()
    if own.keys() != latents.keys() or not all(torch.equal(latents[key], own[key].cpu()) for key in own):
        raise ValueError(
            f"{stored}: trained on the latents of another autoencoder; set task.autoencoder={stored / 'autoencoder'}"
        )
    for name, model in models.items():
        _copy(load_stored(type(model), stored / name), model, f"{stored / name}")
    files = [file for name in sorted(models) for file in sorted((stored / name).glob("*.safetensors"))]
    return hashlib.sha256("".join(map(checksum, files)).encode()).hexdigest()


def begin_reading(unet: StableVITONUNet) -> None:
    """Give the base's encoder to the garment encoder of a model that has not read any garment yet, such as a base that
    was trained alone: as ControlNet begins. Any other model stays as it is."""
    if not any(value.any() for name, value in unet.warps.state_dict().items() if ".zero_conv." in name):
        begin_as(unet.garment_encoder, unet.unet)


def _copy(stored: nn.Module, model: nn.Module, where: str) -> None:
    """Copy all weights, once they are known to fit."""
    theirs, ours = stored.state_dict(), model.state_dict()
    shapes = [{key: tuple(tensor.shape) for key, tensor in state.items()} for state in (theirs, ours)]
    differing = [key for key in sorted(theirs.keys() | ours.keys()) if shapes[0].get(key) != shapes[1].get(key)]
    if differing:
        key = differing[0]
        raise ValueError(
            f"{where}: a model of another shape; {len(differing)} weights differ, first {key}: "
            f"{shapes[0].get(key, 'absent')} there, {shapes[1].get(key, 'absent')} here"
        )
    model.load_state_dict(theirs)
