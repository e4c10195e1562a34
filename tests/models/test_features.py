"""Frozen features: VGG-19 under torchvision's keys, and the shipped ones of our own world."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gan_goldens import Golden
from safetensors.torch import save_file
from torch import nn

from vtonlib.losses.perceptual import perceptual
from vtonlib.models.classifier import SHIPPED
from vtonlib.models.features import VGG19Features, WorldFeatures, perceptual_features

STATE = Golden("vgg_loss_tiny").state


class TorchvisionLike(nn.Module):
    """Has the keys that torchvision's VGG-19 has, more than we read."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        for key, value in STATE.items():
            if key.endswith("weight"):
                layer = nn.Conv2d(value.shape[1], len(value), 3, padding=1)
                layer.load_state_dict({"weight": value, "bias": STATE[key.replace("weight", "bias")]})
                self.features[key.split(".")[0]] = layer
        self.classifier = nn.Sequential(nn.Linear(2, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_official_loss(dtype: torch.dtype) -> None:
    golden = Golden("vgg_loss_tiny", dtype)
    extractor, x = VGG19Features.from_state_dict(STATE).to(dtype), golden["x"].requires_grad_()
    loss = perceptual(extractor, golden["y"], x)
    loss.backward()
    golden.check("loss", loss[None])
    golden.check("grad.x", x.grad)
    found, expected = extractor.maps(golden["x"]), extractor.maps(golden["y"])
    golden.check("feat4.x", found[4])
    for i in range(5):
        golden.check(f"l1.{i}", (found[i] - expected[i]).abs().mean()[None])
    assert not golden.unchecked


def test_the_whole_network_has_torchvisions_layers() -> None:
    with torch.device("meta"):
        network = VGG19Features()
    kinds = [type(layer).__name__[0] for layer in network.features]
    assert "".join(kinds) == "CRCRM" + "CRCRM" + "CRCRCRCRM" * 2 + "CR"
    weights = [tuple(p.shape) for name, p in network.features.named_parameters() if name.endswith("weight")]
    assert weights[0] == (64, 3, 3, 3) and weights[-1] == (512, 512, 3, 3) and len(weights) == 13
    assert network.name == "vgg19"


def test_weights_are_read_from_a_file_or_a_module(tmp_path: Path) -> None:
    path, images = tmp_path / "vgg19.safetensors", Golden("vgg_loss_tiny")["x"]
    save_file({f"features.{key}": value for key, value in STATE.items()} | {"classifier.0.weight": torch.ones(2)}, path)
    expected = VGG19Features.from_state_dict(STATE).maps(images)
    for source in (path, TorchvisionLike()):
        extractor = perceptual_features(source)
        assert isinstance(extractor, VGG19Features) and extractor.name == "vgg19"
        assert all(map(torch.equal, extractor.maps(images), expected))
        assert not extractor.training and not any(p.requires_grad for p in extractor.parameters())


def test_what_is_not_vgg_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.safetensors"
    with pytest.raises(FileNotFoundError, match=r"vgg19.safetensors: no such file; expected torchvision's VGG-19"):
        perceptual_features(path)
    save_file({key: value for key, value in STATE.items() if key != "10.bias"}, path)
    with pytest.raises(ValueError, match=r"vgg19.safetensors: not the weights of VGG-19: 1 of 26 are missing"):
        perceptual_features(path)
    path.write_bytes(b"no tensors at all")
    with pytest.raises(ValueError, match=r"vgg19.safetensors"):
        perceptual_features(path)
    with pytest.raises(ValueError, match=r"not the weights of VGG-19: (?s:.*)size mismatch"):
        VGG19Features.from_state_dict(STATE | {"7.weight": torch.zeros(8, 9, 3, 3)})


def test_images_too_small_for_vgg_are_refused() -> None:
    extractor = VGG19Features.from_state_dict(STATE)
    assert [m.shape[-2:] for m in extractor.maps(torch.zeros(1, 3, 16, 35))][::2] == [(16, 35), (4, 8), (1, 2)]
    with pytest.raises(ValueError, match="images are 20x15: VGG-19 expects at least 16x16"):
        extractor.maps(torch.zeros(1, 3, 20, 15))


@pytest.mark.skipif(not SHIPPED.is_file(), reason="the weights have not been trained yet")
def test_without_weights_the_worlds_own_features_are_used() -> None:
    extractor = perceptual_features()
    assert isinstance(extractor, WorldFeatures) and extractor.name == "vtonlib-classifier"
    assert not any(p.requires_grad for p in extractor.parameters())
    for height, width in ((64, 48), (33, 7), (1, 1)):
        maps = extractor.maps(torch.rand(2, 3, height, width) * 2 - 1)
        sides = [(-(-height // 2**i), -(-width // 2**i)) for i in (1, 2, 3)]
        assert [m.shape[-2:] for m in maps] == sides
    fake = torch.zeros(1, 3, 16, 12, requires_grad=True)
    perceptual(extractor, torch.ones(1, 3, 16, 12), fake).backward()
    assert fake.grad.abs().sum() > 0
