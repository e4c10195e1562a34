"""VITON-HD's segmentation generator under its released keys."""

from __future__ import annotations

import pytest
import torch
from gan_goldens import Golden
from golden_recipe import drawn, recipe_state
from torch import Tensor

from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.official import load


def official_shapes(widths: tuple[int, ...], in_channels: int, labels: int) -> dict[str, tuple[int, ...]]:
    """The released keys and shapes, level by level."""
    convolutions: dict[str, tuple[int, int]] = {}
    for level, (before, after) in enumerate(zip((in_channels, *widths), widths, strict=False), 1):
        convolutions |= {f"conv{level}.0": (after, before), f"conv{level}.3": (after, after)}
    for level, (below, here) in enumerate(zip(widths[:0:-1], widths[-2::-1], strict=True), 6):
        convolutions |= {f"up{level}.1": (here, below), f"conv{level}.0": (here, 2 * here)}
        convolutions |= {f"conv{level}.3": (here, here)}
    convolutions["conv9.6"] = (labels, widths[0])
    weights = {f"{key}.weight": (*shape, 3, 3) for key, shape in convolutions.items()}
    return weights | {f"{key}.bias": shape[:1] for key, shape in convolutions.items()}


def tiny_state() -> dict[str, Tensor]:
    return recipe_state(official_shapes((2, 3, 4, 5, 6), 7, 5), seed=3)


def test_equals_the_official_one() -> None:
    golden = Golden("seg_generator_recipe")
    seed, channels = golden.args["seed"], (64, 128, 256, 512, 1024)
    state = recipe_state(official_shapes(channels, golden.args["input_nc"], golden.args["output_nc"]), seed)
    assert round(sum(value.numel() for value in state.values()) / 1e6, 1) == 34.5
    with torch.no_grad():
        golden.check("y", load("viton_hd_seg", state)(drawn("x", golden.args["shape"], seed).float()).sigmoid())
    assert not golden.unchecked


def test_sizes_are_inferred_and_every_tensor_is_used() -> None:
    state = tiny_state()
    module = load("viton_hd_seg", state)
    assert isinstance(module, SegmentationGenerator) and len(module.state_dict()) == len(state)
    assert module(torch.randn(1, 7, 32, 16)).shape == (1, 5, 32, 16)


def test_what_does_not_fit_is_listed() -> None:
    state = tiny_state()
    del state["up7.1.bias"]
    with pytest.raises(ValueError, match=r"viton_hd_seg; missing keys \(our names\): 1: up\.1\.1\.bias"):
        load("viton_hd_seg", state)
    with pytest.raises(ValueError, match=r"wrong shapes: 1: conv6.3.weight is \(1, 1\)"):
        load("viton_hd_seg", tiny_state() | {"conv6.3.weight": torch.zeros(1, 1)})
