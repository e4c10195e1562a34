from __future__ import annotations

import pytest
import torch

from vtonlib.training.precision import choose_precision

CPU, MPS, CUDA = torch.device("cpu"), torch.device("mps"), torch.device("cuda")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A CUDA device that computes in bf16, or only emulates it."""

    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return including_emulation or request.param

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card X")


@pytest.mark.parametrize("device", [CPU, MPS])
def test_auto_off_cuda(device: torch.device) -> None:
    choice = choose_precision("auto", device)
    assert choice.value == "no" and device.type in choice.reason and choice.dtype == torch.float32


@pytest.mark.parametrize(("card", "value"), [(True, "bf16"), (False, "fp16")], indirect=["card"])
def test_auto_on_cuda(card: None, value: str) -> None:
    choice = choose_precision("auto", CUDA)
    assert choice.value == value and "Card X" in choice.reason and "bf16" in choice.reason


@pytest.mark.parametrize("requested", ["no", "bf16"])
def test_what_is_asked_for(requested: str) -> None:
    choice = choose_precision(requested, CPU)
    assert choice == (requested, "it was asked for")


@pytest.mark.parametrize("device", [CPU, MPS])
def test_fp16_needs_cuda(device: torch.device) -> None:
    with pytest.raises(ValueError, match=f"fp16 needs a CUDA device, found {device.type}"):
        choose_precision("fp16", device)
    assert choose_precision("fp16", CUDA).dtype == torch.float16


def test_autocast_is_what_was_chosen() -> None:
    x = torch.ones(2, 3)
    for requested, dtype in (("no", torch.float32), ("bf16", torch.bfloat16)):
        with choose_precision(requested, CPU).autocast(CPU):
            assert (x @ x.T).dtype == dtype
