"""What the released StableVITON computed: the cases tests/goldens/sv_*, in float32, and how near a result must be."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.official import load

GOLDENS = Path(__file__).resolve().parents[1] / "goldens"
HEADS = 4


@cache
def tensors(name: str) -> dict[str, Tensor]:
    """All tensors of a case; stored halves are exact."""
    return {k: v.float() if v.is_floating_point() else v for k, v in load_file(GOLDENS / f"{name}.safetensors").items()}


def state(name: str) -> dict[str, Tensor]:
    """The weights that a case holds beside its inputs, under their official keys."""
    return {key.removeprefix("state."): value for key, value in tensors(name).items() if key.startswith("state.")}


def tiny_model() -> StableVITONUNet:
    """The released architecture at widths 32, 64, 32, 32, whose results the cases hold."""
    model = load("stable_viton", tensors("sv_tiny_state"), num_attention_heads=HEADS)
    assert isinstance(model, StableVITONUNet)
    return model


def assert_near(got: Tensor, expected: Tensor, rtol: float = 2e-4) -> None:
    assert got.shape == expected.shape
    assert (got.detach() - expected).abs().max() <= rtol * expected.abs().max()
