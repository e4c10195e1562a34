"""SPADE's generator (files ``latest_net_G``)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from vtonlib.models.spade import SPADEGenerator, Upsampling
from vtonlib.official.keys import rename_generator_key, weight
from vtonlib.official.release import Release


def build(state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The generator of the right sizes.

    Tensors tell ``normal`` from ``most`` but not from ``more``, which differs by one doubling and no weight: without
    an eighth block this is ``normal``. Set the attribute ``flat`` of the result to (0,) for the other.
    """
    fc, shared = weight(state_dict, "fc.weight"), weight(state_dict, "head_0.norm_0.mlp_shared.0.weight")
    if fc.ndim != 4:
        raise ValueError(f"fc.weight is {tuple(fc.shape)}: a generator that starts from an encoder's latent; see SPADE")
    upsampling: Upsampling = "most" if any(key.startswith("up_4.") for key in state_dict) else "normal"
    batch = "head_0.norm_0.param_free_norm.running_mean" in state_dict
    return SPADEGenerator(
        fc.shape[1],
        fc.shape[0] // 16,
        upsampling=upsampling,
        norm="sync_batch" if batch else "instance",
        hidden=shared.shape[0],
        spectral="head_0.conv_0.weight_orig" in state_dict,
    )


RELEASE = Release(build, rename_generator_key)
