"""What a guided step of the released pairs costs, counted without computing it, and how much of their files is read."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.leffa_step import EveryQuery, with_every_query
from vtonlib.attention import Grid
from vtonlib.models.joined import TokenRecorder, exchange_tokens
from vtonlib.models.leffa import LeffaUNet
from vtonlib.models.unet import UNet, UNetTrunk
from vtonlib.published import RELEASED, SD15, SDXL

SIZE = (128, 96)
"""Latents of a picture of 1024x768; two samples, since every step is guided."""
TEXT = {"leffa_try_on": (SD15, 768), "leffa_pose": (SDXL, 2048)}
"""What each pair was made from, and how wide that text is."""


def count(call: Any) -> float:
    """TFLOP of a call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e12


def parameters(*networks: torch.nn.Module) -> float:
    """Millions of them."""
    return sum(p.numel() for network in networks for p in network.parameters()) / 1e6


def files(name: str) -> dict[str, float]:
    """Millions of parameters of both UNets in a released file, and the percentage of them that nothing reads."""
    base, width = TEXT[name]
    held = parameters(*(UNet(**base, in_channels=channels, cross_attention_dim=width) for channels in (12, 4)))
    if name == "leffa_pose":  # an embedding of picture sizes, of two layers, in each UNet
        held += 2 * (2816 * 1280 + 1280 * 1280 + 2 * 1280) / 1e6
    return {"parameters": held, "unread": 100 * (1 - parameters(LeffaUNet(**RELEASED[name])) / held)}


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """TFLOP of a guided step at 1024x768 of the pair for try-on: ``released`` as its code computes it, ``half`` with
    the painted half of the queries alone, ``step`` here, where the reference UNet ends at its last tokens too; ``once``
    where the reference is read once for a picture, ``released_once`` so as released. ``saved`` is the part of the
    released step that is saved, in percent. ``parameters`` (millions) and ``unread`` (percent) are of the two UNets in
    its file, with ``pose_`` of those of the pair for pose transfer.
    """
    with torch.device("meta"):
        model = LeffaUNet(**RELEASED["leffa_try_on"])
        whole = UNetTrunk(**SD15, in_channels=4, cross_attention_dim=1)
        exchange_tokens(whole, text="released")
        time, sample, reference = torch.zeros(2).long(), torch.empty(2, 12, *SIZE), torch.empty(2, 4, *SIZE)
        features, recorder = model.encode_reference(reference, time), TokenRecorder(Grid(*SIZE))
        read_whole = count(
            lambda: list(whole.merge(whole.encode(reference, time, None, exchange=recorder), None, exchange=recorder))
        )
        read, once = (
            count(lambda: model.encode_reference(reference, time)),
            count(lambda: model(sample, time, features)),
        )
        released_once = count(lambda: with_every_query(model, sample, time, EveryQuery(features.values)))
        held, pose = files("leffa_try_on"), files("leffa_pose")
    released, step = read_whole + released_once, read + once
    return {
        **{"released": released, "half": read_whole + once, "step": step, "once": once},
        **{"released_once": released_once, "saved": 100 * (1 - step / released)},
        **held,
        **{f"pose_{name}": value for name, value in pose.items()},
    }
