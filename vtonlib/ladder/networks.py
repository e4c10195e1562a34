"""Networks of five papers at any size, on the ``meta`` device, and what one sample costs (:mod:`vtonlib.cost`).

Book: sec-ladder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from diffusers.models.attention import BasicTransformerBlock, JointTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_flux import FluxSingleTransformerBlock, FluxTransformerBlock
from torch import nn

from vtonlib.cost import Flop, count_flop, kept_bytes, recomputed
from vtonlib.models.alias import ALIASGenerator, ALIASResBlock
from vtonlib.models.leffa import LeffaUNet
from vtonlib.models.spade import SPADEGenerator, SPADEResBlock
from vtonlib.models.stable_viton import StableVITONUNet, ZeroCrossAttentionBlock
from vtonlib.models.translator import ResnetBlock, ResnetTranslator

BLOCKS = (
    JointTransformerBlock,
    FluxTransformerBlock,
    FluxSingleTransformerBlock,
    BasicTransformerBlock,
    ResnetBlock2D,
    ZeroCrossAttentionBlock,
    ALIASResBlock,
    SPADEResBlock,
    ResnetBlock,
)
"""What gradient checkpointing computes again: residual and transformer blocks."""


OURS, STABLE_DIFFUSION = 2, 8
"""Pixels in a row that one latent stands for: of our autoencoder, and of Stable Diffusion's."""
COUNTS = Path(__file__).with_name("counts.json")
"""Where the counts of all rungs of :mod:`vtonlib.ladder.rungs` are kept."""


class Probe(NamedTuple):
    """A network without numbers, and one call of it."""

    network: nn.Module
    """On the meta device."""
    call: Callable[[], object]
    """A forward pass of one sample."""
    tokens: int
    """Of the finest attention; of a network without attention, pixels."""


class Counted(NamedTuple):
    """What :func:`count` finds for one sample."""

    parameters: int
    """Numbers that are learned."""
    tokens: int
    """As in :class:`Probe`."""
    flop: Flop
    """Of a forward pass."""
    kept: int
    """Bytes for the backward pass, 32 bits a number, attention fused."""
    kept_maps: int
    """The same with explicit attention maps."""
    kept_recomputed: int
    """The same, fused, where blocks are computed again."""


@dataclass(frozen=True)
class Rung:
    """One step of a ladder."""

    changed: str
    """What is different from the rung below, in words."""
    family: str
    """Which kind of network, one of :data:`PROBES`."""
    height: int
    """Rows of a picture."""
    width: int
    """Columns of a picture."""
    factor: int
    """Pixels of a picture, in a row, that become one latent; 1 where there are no latents."""
    options: Mapping[str, Any]
    """Arguments of the network."""

    def probe(self) -> Probe:
        """The network on the meta device, and a call of it.

        Spectral norm, whose cost is that of a few vectors, is left out: it is slow to build there.
        """
        plain = {"spectral": False} if self.family in ("SPADE", "VITON-HD") else {}
        with torch.device("meta"):
            rows, columns = self.height // self.factor, self.width // self.factor
            return PROBES[self.family](rows, columns, {**self.options, **plain})


def count(probe: Probe) -> Counted:
    """What a forward pass of one sample computes, and keeps for training."""
    network, call, tokens = probe
    weights = list(network.parameters())
    with torch.device("meta"):
        kept, maps = kept_bytes(call, parameters=weights), kept_bytes(call, parameters=weights, attention="maps")
        with recomputed(network, *BLOCKS):
            again = kept_bytes(call, parameters=weights)
        return Counted(sum(p.numel() for p in weights), tokens, count_flop(call), kept, maps, again)


def _stable_viton(height: int, width: int, options: dict[str, Any]) -> Probe:
    model = StableVITONUNet(**options)
    sample, garment, time = torch.empty(1, 13, height, width), torch.empty(1, 4, height, width), torch.zeros(1).long()
    token = torch.empty(1, 1, model.config.cross_attention_dim)
    tokens = height * width // model.config.patch_size**2
    return Probe(model, lambda: model(sample, time, token, model.encode_garment(garment, token)), tokens)


def _leffa(height: int, width: int, options: dict[str, Any]) -> Probe:
    model = LeffaUNet(**options)
    sample = torch.empty(1, model.config.in_channels, height, width)
    reference, time = torch.empty(1, 4, height, width), torch.zeros(1).long()
    tokens = height * width // model.config.patch_size**2
    return Probe(model, lambda: model(sample, time, model.encode_reference(reference, time)), tokens)


def _alias(height: int, width: int, options: dict[str, Any]) -> Probe:
    model = ALIASGenerator(**options)
    inputs, parse, divided, mask = (torch.empty(1, channels, height, width) for channels in (9, 7, 8, 1))

    def call() -> object:
        with patch.object(torch, "autocast", _nothing):  # the meta device knows none
            return model(inputs, parse, divided, mask)

    return Probe(model, call, height * width)


def _nothing(*_: object, **__: object) -> AbstractContextManager[None]:
    return nullcontext()


def _spade(height: int, width: int, options: dict[str, Any]) -> Probe:
    model = SPADEGenerator(**options)
    labels = torch.empty(1, options["label_channels"], height, width)
    return Probe(model, lambda: model(labels), height * width)


def _translator(height: int, width: int, options: dict[str, Any]) -> Probe:
    model = ResnetTranslator(**options)
    picture = torch.empty(1, 3, height, width)
    return Probe(model, lambda: model(picture), height * width)


PROBES: dict[str, Callable[[int, int, dict[str, Any]], Probe]] = {
    "StableVITON": _stable_viton,
    "Leffa": _leffa,
    "VITON-HD": _alias,
    "SPADE": _spade,
    "QS-Attn": _translator,
}
"""How each kind of network is built and called; rows, columns, arguments."""


def counted() -> dict[str, Counted]:
    """What ``python -m benchmarks.ladder`` found, by ladder and rung (``"Leffa 3"``), so that pages need not wait.

    A test counts some of them again.
    """
    runs = json.loads(COUNTS.read_text(encoding="utf8"))["runs"]
    fields = [name for name in Counted._fields if name != "flop"]
    return {
        name: Counted(flop=Flop(*run["flop"]), **{field: run[field] for field in fields}) for name, run in runs.items()
    }
