"""From our smallest models to the published networks, one change a rung.

The last rungs have the very tensors of the releases, which a test compares.

Book: sec-ladder.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from vtonlib.ladder.networks import OURS, STABLE_DIFFUSION, Rung
from vtonlib.models.alias import ALIASGenerator
from vtonlib.models.leffa import LeffaUNet
from vtonlib.models.stable_viton import SD15, StableVITONUNet
from vtonlib.models.translator import ResnetTranslator
from vtonlib.presets import preset
from vtonlib.published import RELEASED


def climb(
    family: str, size: tuple[int, int, int], start: Mapping[str, Any], *steps: tuple[str, Mapping[str, Any]]
) -> tuple[Rung, ...]:
    """The rungs from ``start``; what a step changes stays changed.

    Args:
        family: one of :data:`PROBES`.
        size: rows and columns of a picture, and pixels a latent.
        start: arguments of the smallest network.
        steps: what changes, in words, and as arguments or as ``height``, ``width`` and ``factor``.
    """
    state: dict[str, Any] = {**dict(zip(("height", "width", "factor"), size, strict=True)), **start}
    rungs = []
    for changed, change in (("ours, the smallest", {}), *steps):
        state = {**state, **change}
        place = {key: state[key] for key in ("height", "width", "factor")}
        rungs.append(Rung(changed, family, **place, options={k: v for k, v in state.items() if k not in place}))
    return tuple(rungs)


def _arguments(name: str, network: type[Any]) -> dict[str, Any]:
    """The settings of our smallest preset that are arguments of its network."""
    task, known = preset(name).task, signature(network).parameters
    return {key: getattr(task, key) for key in known if hasattr(task, key) and key != "norm"}


_SIZE = {"height": 512, "width": 384}
_LARGE = ("pictures of 1024x768", {"height": 1024, "width": 768})


def _painters(levels: tuple[bool, ...]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The rungs that both diffusion models climb; ``levels`` are those that attend before all three do."""
    return (
        ("pictures of 512x384", _SIZE),
        ("Stable Diffusion's latents, of 8x8 pixels", {"factor": STABLE_DIFFUSION}),
        ("no short way for latents", {"carries_latents": False}),
        ("a token is one latent", {"patch_size": 1}),
        ("four levels", {"block_out_channels": (64, 96, 96, 96), "attention_levels": levels}),
        ("320 to 1280 channels", {"block_out_channels": SD15["block_out_channels"], "norm_num_groups": 32}),
        ("two residual blocks a level", {"layers_per_block": 2}),
        ("self-attention on three levels", {"attention_levels": SD15["attention_levels"]}),
        ("eight heads", {"num_attention_heads": 8}),
    )


LADDERS: dict[str, tuple[Rung, ...]] = {
    "SPADE": climb(
        "SPADE",
        (64, 64, 1),
        {"label_channels": 7, "channels": 4, "hidden": 32},
        ("pictures of 256x256", {"height": 256, "width": 256}),
        ("184 channels of labels", {"label_channels": 184}),
        ("modulations 128 wide", {"hidden": 128}),
        ("1024 to 64 channels", {"channels": 64}),
    ),
    "VITON-HD": climb(
        "VITON-HD",
        (64, 48, 1),
        _arguments("alias", ALIASGenerator),
        ("pictures of 1024x768", {"height": 1024, "width": 768}),
        ("eight blocks, seven doublings", {"channels": (64, 64, 64, 64, 48, 32, 24, 24), "mask_norm_blocks": 5}),
        ("modulations 128 wide", {"hidden": 128}),
        ("1024 to 32 channels", {"channels": (1024, 1024, 1024, 512, 256, 128, 64, 32)}),
    ),
    "QS-Attn": climb(
        "QS-Attn",
        (64, 48, 1),
        _arguments("translation", ResnetTranslator),
        ("pictures of 256x256", {"height": 256, "width": 256}),
        ("nothing is added to the source", {"skip": False}),
        ("nine residual blocks", {"blocks": 9}),
        ("64 to 256 channels", {"channels": 64}),
    ),
    "StableVITON": climb(
        "StableVITON",
        (64, 48, OURS),
        _arguments("stableviton", StableVITONUNet),
        *_painters((False,) * 4),
        ("a garment encoder, which sees the person", {"garment_network": "encoder", "control_sees": "person"}),
        ("two layers that begin at zero", {"zero_layers": 2}),
        ("a garment's token of 768 numbers", {"cross_attention_dim": 768}),
        _LARGE,
    ),
    "Leffa": climb(
        "Leffa",
        (64, 48, OURS),
        {**_arguments("leffa", LeffaUNet), "in_channels": 13},
        *_painters((True, False, False, False)),
        ("no places told to the reference", {"places_reference": False}),
        ("12 channels in, h + LN(h) in text's place", {"in_channels": 12, "text_attention": "released"}),
        _LARGE,
    ),
}
"""By paper, from our smallest model to the network that was released (of SPADE: that its code builds by default for
COCO-Stuff's labels)."""


def pose_transfer(height: int = 512, width: int = 384) -> Rung:
    """Leffa's released pair for pose transfer, of SDXL."""
    return Rung("SDXL's pair", "Leffa", height, width, STABLE_DIFFUSION, RELEASED["leffa_pose"])


def narrowed(width: int, height: int, columns: int) -> Rung:
    """StableVITON's released network with ``width`` channels in place of 320, 2 and 4 times as many below."""
    released = LADDERS["StableVITON"][-1]
    widths = tuple(width * times for times in (1, 2, 4, 4))
    options = {**released.options, "block_out_channels": widths, "norm_num_groups": min(32, width // 10)}
    return Rung(f"{width} channels", released.family, height, columns, STABLE_DIFFUSION, options)
