"""The autoencoder of latent diffusion in its first layout, as StableVITON's state dict holds it, or alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from diffusers import AutoencoderKL
from torch import Tensor

from vtonlib.official.latent_diffusion import NORM_GROUPS
from vtonlib.official.release import Release
from vtonlib.official.stable_viton import BUFFERS, CONTROL, DENOISER, HEAD, UNREAD

PREFIX = "first_stage_model."
ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
SCALING = 0.18215


def prepare(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under diffusers' keys: its decoder counts levels from the deepest, its attention has linear layers."""
    state = {key.removeprefix(PREFIX): value for key, value in state_dict.items()}
    levels = len({key.split(".")[2] for key in state if key.startswith("decoder.up.")})
    return {_rename(key, levels): value[..., 0, 0] if _is_linear(key) else value for key, value in state.items()}


def _is_linear(key: str) -> bool:
    return re.search(r"coder\.mid\.attn_1\.(q|k|v|proj_out)\.weight$", key) is not None


def _rename(key: str, levels: int) -> str:
    def up(found: re.Match[str]) -> str:
        return f"up_blocks.{levels - 1 - int(found[1])}."

    def attention(found: re.Match[str]) -> str:
        return f"mid_block.attentions.0.{ATTENTION[found[1]]}."

    key = re.sub(r"(?<=decoder\.)up\.(\d+)\.", up, key)
    key = re.sub(r"(?<=encoder\.)down\.(\d+)\.", r"down_blocks.\1.", key)
    key = re.sub(r"(?<=_blocks\.)(\d+)\.block\.", r"\1.resnets.", key)
    key = re.sub(r"(?<=\.)(downsample|upsample)\.conv\.", r"\1rs.0.conv.", key)
    key = re.sub(r"(?<=coder\.)mid\.block_([12])\.", lambda found: f"mid_block.resnets.{int(found[1]) - 1}.", key)
    key = re.sub(r"(?<=coder\.)mid\.attn_1\.(\w+)\.", attention, key)
    return key.replace("coder.norm_out.", "coder.conv_norm_out.").replace(".nin_shortcut.", ".conv_shortcut.")


def build(
    state: Mapping[str, Tensor], norm_num_groups: int = NORM_GROUPS, scaling_factor: float = SCALING
) -> AutoencoderKL:
    """The autoencoder of the right sizes; tensors tell neither how many groups there are nor what scale the latents are
    given, by default Stable Diffusion's."""
    levels = len({key.split(".")[2] for key in state if key.startswith("encoder.down_blocks.")})
    first = [f"encoder.down_blocks.{level}.resnets.0.conv1.weight" for level in range(max(levels, 1))]
    widths = tuple(state[key].shape[0] for key in first)
    return AutoencoderKL(
        in_channels=state["encoder.conv_in.weight"].shape[1],
        out_channels=state["decoder.conv_out.weight"].shape[0],
        latent_channels=state["decoder.conv_in.weight"].shape[1],
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=len({key.split(".")[4] for key in state if key.startswith("encoder.down_blocks.0.resnets.")}),
        norm_num_groups=norm_num_groups,
        scaling_factor=scaling_factor,
    )


def unused(state: Mapping[str, Tensor]) -> set[str]:
    """All that belongs to the other modules of the file, what nothing reads, and the discriminator of its training."""
    others = (DENOISER, CONTROL, *HEAD, *UNREAD, "cond_stage_model.transformer.", "loss.")
    return {key for key in state if key.startswith(others) or key in BUFFERS}


RELEASE = Release(build, str, unused, prepare)
