"""CUT's and QS-Attn's weights by their keys; results are compared in tests/models/test_translator.py."""

from __future__ import annotations

import pytest
import torch
from gan_goldens import Golden

from vtonlib.models.translator import PatchProjector
from vtonlib.official import load

STATE = Golden("cut_generator_9blocks_antialias").state
QS = Golden("qs_global_mlp").state


def test_all_sizes_are_inferred() -> None:
    translator = load("cut", STATE)
    assert dict(translator.config) | {"channels": 4, "blocks": 9, "in_channels": 3} == dict(translator.config)
    assert len(translator.state_dict()) == len(STATE) - 4  # the kernels of the blurs


@pytest.mark.parametrize("blocks", [6, 9])
def test_another_depth_renumbers_what_follows(blocks: int) -> None:
    state = {}
    for key, value in STATE.items():
        _, number, rest = key.split(".", 2)
        if 12 <= int(number) <= 20 and int(number) - 12 >= blocks:
            continue
        state[f"model.{int(number) - 9 + blocks if int(number) > 20 else number}.{rest}"] = value
    translator = load("cut", state)
    assert len(translator.body) == blocks
    assert torch.equal(translator.head.weight, STATE["model.30.weight"])
    assert torch.equal(translator.up[1].bias, STATE["model.26.bias"])


def test_the_projector_loads_under_its_own_name() -> None:
    projector = load("cut_projector", QS)
    assert isinstance(projector, PatchProjector) and len(projector.layers) == 5
    assert torch.equal(projector.layers[3][2].weight, QS["mlp_3.2.weight"])


def test_other_blurs_are_refused() -> None:
    blurred = STATE | {"model.25.filt": STATE["model.25.filt"].roll(1, -1)}
    with pytest.raises(ValueError, match=r"model\.25\.filt blurs with other weights"):
        load("cut", blurred)


def test_a_translator_without_blurs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0 blurs .* expected 4; translators trained with --no_antialias"):
        load("cut", {key: value for key, value in STATE.items() if not key.endswith("filt")})


@pytest.mark.parametrize("name", ["cut", "cut_projector"])
def test_an_empty_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"these are not the weights of {name}"):
        load(name, {})


def test_a_missing_and_an_unknown_key_are_listed() -> None:
    state = {key: value for key, value in STATE.items() if key != "model.14.conv_block.5.bias"}
    with pytest.raises(ValueError, match=r"missing keys .*1: body\.2\.conv_1\.bias; unexpected keys: 1: model\.99"):
        load("cut", state | {"model.99.weight": torch.zeros(1)})
