"""The multi-scale discriminator, against the official code and by its shapes."""

from __future__ import annotations

import re

import pytest
import torch
from gan_goldens import Golden, load_renamed

from vtonlib.models.discriminator import MultiscaleDiscriminator
from vtonlib.models.normalization import from_hook_key


def rename(key: str) -> str:
    """discriminator_0.model1.0.0.weight_orig -> scales.0.1.0.parametrizations.weight.original."""
    key = re.sub(r"^discriminator_(\d)\.model(\d)\.(0\.)+", r"scales.\1.\2.0.", key)
    return from_hook_key(re.sub(r"^(scales\.\d\.4)\.0\.", r"\1.", key))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_official_one(dtype: torch.dtype) -> None:
    golden = Golden("multiscale_d_instance", dtype)
    opt = golden.args["opt"]
    network = MultiscaleDiscriminator(8, opt["ndf"], opt["n_layers_D"], opt["num_D"]).to(dtype).eval()
    load_renamed(network, golden.state, rename)
    labels = torch.nn.functional.one_hot(golden["labels"].long().squeeze(1), 5).movedim(-1, 1).to(dtype)
    for which in ("fake", "real"):
        for scale, outputs in enumerate(network(torch.cat((labels, golden[which]), dim=1))):
            assert len(outputs) == 5
            for layer in (0, 3, 4):
                golden.check(f"{which}.d{scale}.l{layer}", outputs[layer])
    assert all(name.startswith(("loss.", "grad.")) for name in golden.unchecked)


def test_maps_have_the_official_sizes() -> None:
    outputs = MultiscaleDiscriminator(4, 2)(torch.zeros(1, 4, 256, 192))
    assert [tuple(o.shape[2:]) for o in outputs[0]] == [(129, 97), (65, 49), (33, 25), (34, 26), (35, 27)]
    assert [tuple(o.shape[2:]) for o in outputs[1]] == [(65, 49), (33, 25), (17, 13), (18, 14), (19, 15)]


@pytest.mark.parametrize(("layers", "scales"), [(2, 1), (3, 2), (4, 3)])
@pytest.mark.parametrize("size", [(64, 48), (33, 17)])
def test_any_depth_and_odd_sizes(layers: int, scales: int, size: tuple[int, int]) -> None:
    outputs = MultiscaleDiscriminator(4, 3, layers, scales, max_channels=5)(torch.randn(2, 4, *size))
    assert [len(o) for o in outputs] == [layers + 1] * scales
    assert all(o[-1].shape[1] == 1 and max(f.shape[1] for f in o) <= 5 for o in outputs)


def test_samples_do_not_see_each_other() -> None:
    network, x = MultiscaleDiscriminator(4, 3, 3).double().eval(), torch.randn(3, 4, 20, 24, dtype=torch.float64)
    for whole, alone in zip(network(x), network(x[1:2]), strict=True):
        for a, b in zip(whole, alone, strict=True):
            torch.testing.assert_close(a[1:2], b)


def test_wrong_input_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected 4 channels"):
        MultiscaleDiscriminator(4, 2)(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        MultiscaleDiscriminator(4, 2)(torch.zeros(1, 4, 1, 1))
    with pytest.raises(ValueError, match="layers is 1 and scales is 0"):
        MultiscaleDiscriminator(4, 2, layers=1, scales=0)


def test_layers_can_be_taken_alone_and_in_parts() -> None:
    layers = MultiscaleDiscriminator(4, 3, 3, 1).scales[0]
    assert len(layers[1:]) == len(layers) - 1 and layers[1:][0] is layers[1] and layers[-1] is layers[:][-1]
