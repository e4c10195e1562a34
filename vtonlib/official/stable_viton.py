"""StableVITON's denoiser and the head of its image encoder (``VITONHD.ckpt``), as its configuration builds them.

The state dict has more: the autoencoder (:mod:`vtonlib.official.latent_autoencoder`), CLIP's image encoder, which this
package does not have (:func:`clip_state` gives its weights under transformers' keys), and what nothing reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from vtonlib.models.image_encoder import PooledImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.official.latent_diffusion import rename_unet_key, unet_shape
from vtonlib.official.release import Release

DENOISER, CONTROL, CLIP = "model.diffusion_model.", "control_model.", "cond_stage_model.transformer."
HEAD = ("cond_stage_model.mapper.", "cond_stage_model.final_ln.", "proj_out.", "learnable_vector")
"""The keys of the image encoder behind CLIP."""
OTHERS = ("first_stage_model.", CLIP)
"""The keys of the autoencoder and of CLIP."""
DEAD = tuple(CONTROL + part for part in ("input_blocks.9.", "input_blocks.10.", "input_blocks.11.", "middle_block."))
"""Half of the control branch: its deepest level and its middle are computed, and the maps are never used."""
UNREAD = ("lastzc.", "model_ema.")
"""A convolution that the released configuration does not call, and training's average of the weights."""
BUFFERS = frozenset(
    [
        *("betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"),
        *("log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "logvar"),
        *("posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"),
    ]
)
"""The noise schedule, which is computed from its settings."""
BLOCKS = 9


def build(state_dict: Mapping[str, Tensor], num_attention_heads: int = 8) -> StableVITONUNet:
    """The denoiser of the right sizes. The number of heads is no tensor's size; the release has 8."""
    unet = {key.removeprefix(DENOISER): value for key, value in state_dict.items() if key.startswith(DENOISER)}
    shape = unet_shape({rename_unet_key(key): value for key, value in unet.items()})
    return StableVITONUNet(**shape, num_attention_heads=num_attention_heads, control_sees="person", zero_layers=2)


def rename(key: str) -> str:
    """Our key for an official one; the released blocks count from the deepest."""
    if found := re.match(rf"{DENOISER}(warp_flow_blks|warp_zero_convs)\.(\d+)\.(.*)", key):
        rest = found[3].removeprefix("transformer_blocks.0.").replace("to_out.0.", "to_out.")
        part = "zero_conv." if found[1] == "warp_zero_convs" else ""
        return f"warps.{BLOCKS - 1 - int(found[2])}.{part}{rest}"
    if key.startswith(DENOISER):
        return f"unet.{rename_unet_key(key.removeprefix(DENOISER))}"
    if key.startswith(CONTROL):
        key = key.removeprefix(CONTROL).replace("cond_first_block.0.", "garment_conv.")
        return f"garment_encoder.{rename_unet_key(key)}"
    return key


def unused(state_dict: Mapping[str, Tensor]) -> set[str]:
    """What is dead (``DEAD``, ``UNREAD``), computed (``BUFFERS``), or belongs to another module."""
    others = (*DEAD, *UNREAD, *HEAD, *OTHERS)
    return {key for key in state_dict if key.startswith(others) or key in BUFFERS}


def clip_state(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of CLIP's image encoder (ViT-L/14) under the keys of transformers' ``CLIPVisionModel``.

    Older files hold the positions' numbers too, which newer versions of transformers do not store.
    """
    return {
        key.removeprefix(CLIP): value
        for key, value in state_dict.items()
        if key.startswith(CLIP) and not key.endswith("embeddings.position_ids")
    }


def build_image_encoder(state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The mapper and what follows it, of the right sizes."""
    width, layers = state_dict["proj_out.weight"].shape[1], {k.split(".")[1] for k in state_dict if "mapper." in k}
    return PooledImageEncoder(width, len(layers), state_dict["proj_out.weight"].shape[0])


def prepare_image_encoder(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The mapper under our keys; of its attention only the values, the last third: it attends to one token."""
    names = {"ln_1": "norm1", "ln_2": "norm2", "attn.c_proj": "to_out", "mlp.c_fc": "mlp.0", "mlp.c_proj": "mlp.2"}
    prepared = {}
    for key, value in state_dict.items():
        key = key.removeprefix("cond_stage_model.").replace("final_ln.", "norm.")
        if found := re.match(r"mapper\.resblocks\.(\d+)\.(.+)\.(weight|bias)$", key):
            if found[2] == "attn.c_qkv":
                value = value[2 * len(value) // 3 :]
            name = {**names, "attn.c_qkv": "to_v"}.get(found[2], found[2])
            key = f"mapper.{found[1]}.{name}.{found[3]}"
        prepared[key] = value
    return prepared


def unused_by_image_encoder(state_dict: Mapping[str, Tensor]) -> set[str]:
    """All that belongs to CLIP, the denoiser or the autoencoder, and what nothing reads."""
    others = (DENOISER, CONTROL, *UNREAD, "first_stage_model.", "transformer.")
    return {key for key in state_dict if key.startswith(others) or key in BUFFERS}


RELEASE = Release(build, rename, unused)
IMAGE_ENCODER = Release(build_image_encoder, str, unused_by_image_encoder, prepare_image_encoder)
