"""Released weights by name: sizes inferred, strict, with errors that list what does not fit."""

from __future__ import annotations

import pytest
import torch
from gan_goldens import Golden, replay
from torch import Tensor

from vtonlib.models.alias import ALIASGenerator, split_parse
from vtonlib.models.normalization import to_hook_key
from vtonlib.models.spade import SPADEGenerator
from vtonlib.official import load
from vtonlib.official.keys import BLOCKS
from vtonlib.official.load import RELEASES

ALIAS = Golden("alias_generator_most_256x128").state
SPADE = Golden("spade_generator_normal").state


def official_alias_keys(generator: ALIASGenerator) -> dict[str, Tensor]:
    """The state of our generator under the keys that the release uses."""
    state = {}
    for key, value in generator.state_dict().items():
        first, number, *rest = to_hook_key(key).split(".")
        names = {"blocks": (*BLOCKS,), "inputs": tuple(f"conv_{level}" for level in range(8))}
        key = ".".join([names[first][int(number)], *rest]) if first in names else key
        state[key.replace("modulation.shared.", "conv_shared.0.").replace("modulation.", "conv_")] = value
    return state


def test_alias_generator_with_all_sizes_inferred(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("viton_hd_alias", ALIAS)
    assert isinstance(module, ALIASGenerator) and not module.training
    assert len(module.state_dict()) == len(ALIAS) == 264
    golden = Golden("alias_generator_most_256x128")
    parse, mask = golden.one_hot("labels", 7), golden["mis"]
    replay(monkeypatch, golden.noises())
    golden.check("y", module(golden["x"], parse, split_parse(parse, mask, 2), mask))


def test_spade_generator_with_all_sizes_inferred() -> None:
    module, golden = load("spade", SPADE), Golden("spade_generator_normal")
    assert isinstance(module, SPADEGenerator) and not module.training
    golden.check("y", module(golden.one_hot("labels", 5)))


@pytest.mark.parametrize("upsampling", ["normal", "most"])
def test_spade_with_batch_norm_and_another_width(upsampling: str) -> None:
    ours = SPADEGenerator(4, 2, upsampling=upsampling, norm="sync_batch", hidden=6)
    state = {}
    for key, value in ours.state_dict().items():
        parts = to_hook_key(key).split(".")
        parts = [BLOCKS[int(parts[1])], *parts[2:]] if parts[0] == "blocks" else parts
        state[".".join(parts).replace("modulation.shared.", "mlp_shared.0.").replace("modulation.", "mlp_")] = value
    loaded = load("spade", state)
    assert loaded.flat == ours.flat == ((0, 2) if upsampling == "normal" else (0,))
    labels = torch.eye(4)[torch.randint(4, (1, 128, 256))].movedim(-1, 1)
    assert torch.equal(loaded(labels), ours.eval()(labels))


def test_more_has_an_official_convolution_that_nothing_reads() -> None:
    ours = ALIASGenerator.more(2).eval()
    state = official_alias_keys(ours)
    state |= {"conv_7.weight": torch.zeros(16, 9, 3, 3), "conv_7.bias": torch.zeros(16)}
    loaded = load("viton_hd_alias", state)
    assert all(torch.equal(value, ours.state_dict()[key]) for key, value in loaded.state_dict().items())


def test_loaded_weights_are_copies_and_half_precision_is_widened() -> None:
    state = {key: value.half() if value.is_floating_point() else value for key, value in SPADE.items()}
    loaded = load("spade", state)
    loaded.fc.weight.data.zero_()
    assert state["fc.weight"].abs().max() > 0
    assert loaded.fc.weight.dtype == torch.float32


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=f"'stylegan'; there are {', '.join(RELEASES)}"):
        load("stylegan", {})


def test_everything_that_does_not_fit_is_listed_at_once() -> None:
    state = dict(ALIAS)
    del state["up_3.conv_0.bias"], state["conv_img.bias"]
    state["extra.weight"] = torch.zeros(1)
    state["up_1.conv_s.weight_u"] = torch.zeros(3)
    with pytest.raises(ValueError, match="not the weights of viton_hd_alias") as raised:
        load("viton_hd_alias", state)
    message = str(raised.value)
    assert "missing keys (our names): 2: blocks.6.conv_0.bias, conv_img.bias" in message
    assert "unexpected keys: 1: extra.weight" in message
    assert "up_1.conv_s.weight_u is (3,), expected (8,)" in message


@pytest.mark.parametrize("name", ["spade", "viton_hd_alias", "viton_hd_gmm", "viton_hd_seg"])
def test_other_weights_and_other_objects_are_errors(name: str) -> None:
    with pytest.raises(ValueError, match=f"not the weights of {name}"):
        load(name, {})
    with pytest.raises(ValueError, match=f"not the weights of {name}"):
        load(name, {"module.fc.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="expected tensors alone; no tensors are 1: state_dict"):
        load(name, {"state_dict": {}})


@pytest.mark.parametrize("name", ["leffa_try_on", "stable_viton"])
def test_a_tensor_of_too_few_dimensions_is_no_traceback(name: str) -> None:
    key = {"leffa_try_on": "unet.conv_in.weight", "stable_viton": "model.diffusion_model.input_blocks.0.0.weight"}[name]
    with pytest.raises(ValueError, match=f"these are not the weights of {name}"):
        load(name, {key: torch.zeros(3)})
