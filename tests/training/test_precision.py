from __future__ import annotations

import pytest
import torch

from vtonlib.training.precision import choose_precision, computes_in_bf16

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


@pytest.fixture
def instructions(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A processor with some of the instructions for bf16; None: a torch that cannot say."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        if request.param is None:
            monkeypatch.delattr(torch.cpu, name, raising=False)
        else:
            monkeypatch.setattr(torch.cpu, name, lambda found=name in request.param: found, raising=False)


@pytest.mark.parametrize(
    ("instructions", "native"),
    [((), False), (None, False), (("_is_avx512_bf16_supported",), True), (("_is_amx_tile_supported",), True)],
    indirect=["instructions"],
)
def test_a_processor_that_computes_in_bf16_says_so_and_stays_in_float32(instructions: None, native: bool) -> None:
    assert computes_in_bf16(CPU) is native and not computes_in_bf16(MPS)
    choice = choose_precision("auto", CPU)
    assert choice.value == "no" and ("train.precision=bf16 is faster" in choice.reason) is native


@pytest.mark.parametrize("card", [True, False], indirect=True)
def test_a_card_that_emulates_bf16_does_not_compute_in_it(card: None, request: pytest.FixtureRequest) -> None:
    assert computes_in_bf16(CUDA) is request.node.callspec.params["card"]


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
