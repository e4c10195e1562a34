"""CUT and QS-Attn: the translator (file ``latest_net_G``) and the patch projector (``latest_net_F``), of both alike.

The translator is the released default: instance norm, blurs in place of strides, no dropout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from vtonlib.models.translator import LEVELS, PatchProjector, ResnetTranslator
from vtonlib.official.release import Release

FIRST_BLOCK = 12
"""Number of the first residual block; before it lie the first convolution, 1, and two more, 4 and 8."""
BLURS = {3: torch.tensor([1.0, 2.0, 1.0]) / 4, 4: torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4}
"""One side of the kernels that the files hold as ``filt``: for halving, and for doubling."""


def prepare(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under our keys; the numbers of what follows the residual blocks depend on how many there are."""
    up = FIRST_BLOCK + len({key.split(".")[1] for key in state_dict if ".conv_block." in key})
    ours = {1: "stem", 4: "down.0", 8: "down.1", up + 1: "up.0", up + 5: "up.1", up + 9: "head"}

    def block(found: re.Match[str]) -> str:
        return f"body.{int(found[1]) - FIRST_BLOCK}.conv_{'15'.index(found[2])}."

    def other(found: re.Match[str]) -> str:
        return f"{ours.get(int(found[1]), found[0])}.{found[2]}"

    renamed = {re.sub(r"^model\.(\d+)\.conv_block\.([15])\.", block, key): value for key, value in state_dict.items()}
    return {re.sub(r"^model\.(\d+)\.(weight|bias)$", other, key): value for key, value in renamed.items()}


def build(state: Mapping[str, Tensor]) -> ResnetTranslator:
    """The translator with the sizes of the tensors.

    Raises:
        ValueError: where the kernels of the blurs are missing, or others than ours.
    """
    blurs = {key: state[key] for key in unused(state)}
    if len(blurs) != 2 * LEVELS:
        raise ValueError(
            f"these are not the weights of cut: {len(blurs)} blurs (keys ending in .filt), expected {2 * LEVELS}; "
            "translators trained with --no_antialias or --no_antialias_up have other layers"
        )
    for key, value in blurs.items():
        side = BLURS.get(value.shape[-1])
        if side is None or not torch.allclose(value.float(), torch.outer(side, side).expand(value.shape), atol=1e-6):
            raise ValueError(f"these are not the weights of cut: {key} blurs with other weights than 1 2 1 or 1 3 3 1")
    stem, head = state["stem.weight"], state["head.weight"]
    blocks = len({key.split(".")[1] for key in state if key.startswith("body.")})
    return ResnetTranslator(stem.shape[1], head.shape[0], channels=stem.shape[0], blocks=blocks)


def unused(state: Mapping[str, Tensor]) -> set[str]:
    """The kernels of the blurs, which are constants; :func:`build` compares them with ours."""
    return {key for key in state if key.endswith(".filt")}


def build_projector(state: Mapping[str, Tensor]) -> PatchProjector:
    """The projector with as many layers as there are."""
    layers = len({key.split(".")[0] for key in state})
    first = [state[f"mlp_{number}.0.weight"] for number in range(max(layers, 1))]
    return PatchProjector([weight.shape[1] for weight in first], width=first[0].shape[0])


def rename_projector(key: str) -> str:
    """Our key for an official one."""
    return re.sub(r"^mlp_(\d+)\.", r"layers.\1.", key)


RELEASE = Release(build, str, unused, prepare)
PROJECTOR = Release(build_projector, rename_projector)
