"""The translator of CUT: its features by name, from one pass; and the projector of patches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import ModelMixin
from gan_goldens import Golden
from torch import Tensor, nn

from vtonlib.models.stored import load_stored
from vtonlib.models.translator import TAPS, BlurDown, PatchProjector, ResnetTranslator, unit_patches
from vtonlib.official import load

RELEASED_LAYERS = dict(zip(TAPS, (0, 4, 8, 12, 16), strict=True))


def small(blocks: int = 5) -> ResnetTranslator:
    """A translator that is far from where it starts, so that every layer shows."""
    torch.manual_seed(0)
    translator = ResnetTranslator(channels=4, blocks=blocks)
    for parameter in translator.parameters():
        nn.init.normal_(parameter, std=0.2)
    return translator


def image(height: int = 16, width: int = 12, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_image_and_features_equal_the_official_ones(dtype: torch.dtype) -> None:
    golden = Golden("cut_generator_9blocks_antialias", dtype)
    translator = load("cut", golden.state).to(dtype)
    assert isinstance(translator, ResnetTranslator) and not translator.training
    result = translator.with_features(golden["x"])
    golden.check("y", result.image)
    for name, layer in RELEASED_LAYERS.items():
        golden.check(f"feat.{layer}", result.features[name])
    assert not golden.unchecked


@torch.no_grad()
def test_one_pass_gives_what_two_give() -> None:
    translator, x = small(), image()
    result = translator.with_features(x, ("block_2", "down_0"))
    assert torch.equal(result.image, translator(x))
    alone = translator.features(x, ("block_2", "down_0"))
    assert result.features.keys() == alone.keys() == {"block_2", "down_0"}
    assert all(torch.equal(alone[name], value) for name, value in result.features.items())


def test_features_stop_at_the_last_that_is_wanted() -> None:
    translator, ran = small(), []
    for name, module in translator.named_modules():
        module.register_forward_hook(lambda module, inputs, output, name=name: ran.append(name))
    translator.features(image(), ("down_1",))
    assert [name for name in ran if name and not name.startswith("shrink")] == ["stem", "down.0", "down.1"]
    ran.clear()
    assert translator.features(image(), ()) == {} and ran == []


def test_taps_name_all_features_and_their_channels() -> None:
    translator, x = small(blocks=6), image()
    features = translator.features(x, tuple(translator.taps))
    assert {name: value.shape[1] for name, value in features.items()} == translator.taps
    assert set(TAPS) <= set(translator.taps) and len(translator.taps) == 3 + 6
    shapes = [tuple(features[name].shape[-2:]) for name in TAPS]
    assert shapes == [(22, 18), (16, 12), (8, 6), (4, 3), (4, 3)]


def test_an_image_of_the_batch_is_translated_as_alone() -> None:
    translator, x = small().double(), image().double()
    torch.testing.assert_close(translator(x)[1:], translator(x[1:]), rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", [(18, 12), (16, 10), (4, 16)])
def test_sizes_that_do_not_come_back_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"images are {size[0]}x{size[1]}: expected sides that are multiples of 4"):
        small()(image(*size))


def test_an_unknown_feature_lists_the_known() -> None:
    with pytest.raises(ValueError, match="no features are called block_5; there are pixels, down_0, down_1, block_0"):
        small().features(image(), ("block_5",))


def test_blur_keeps_constants_and_removes_what_alternates() -> None:
    blur, rows = BlurDown().double(), torch.arange(8, dtype=torch.float64)
    torch.testing.assert_close(blur(torch.full((1, 2, 8, 8), 3.0).double()), torch.full((1, 2, 4, 4), 3.0).double())
    stripes = (-1.0) ** rows[None, None, :, None].expand(1, 1, 8, 8)
    assert blur(stripes).abs().max() < 1e-12  # the finest pattern, which a stride of 2 alone would make a constant


def test_blur_holds_no_weights() -> None:
    assert not [key for key in small().state_dict() if "shrink" in key or "enlarge" in key]


def test_projector_stands_from_the_start_and_gives_unit_vectors() -> None:
    projector = PatchProjector((3, 8), width=6)
    assert sum(parameter.numel() for parameter in projector.parameters()) == (3 * 6 + 6) + (8 * 6 + 6) + 2 * (36 + 6)
    for parameter in projector.parameters():
        nn.init.normal_(parameter)
    projected = projector([torch.randn(2, 5, 3), torch.randn(2, 4, 8)])
    assert [tuple(part.shape) for part in projected] == [(2, 5, 6), (2, 4, 6)]
    assert all(torch.allclose(part.norm(dim=-1), torch.ones(()), atol=1e-5) for part in projected)


def test_projector_refuses_other_patches() -> None:
    with pytest.raises(ValueError, match=r"have \[3, 7\] channels: expected \[3, 8\]"):
        PatchProjector((3, 8))([torch.randn(2, 5, 3), torch.randn(2, 4, 7)])


def test_unit_patches_of_nothing_are_nothing_and_have_a_gradient() -> None:
    patches = torch.zeros(1, 2, 3, requires_grad=True)
    unit = unit_patches(patches)
    unit.sum().backward()
    assert torch.equal(unit, torch.zeros(1, 2, 3)) and patches.grad is not None and patches.grad.isfinite().all()


@pytest.mark.parametrize("model", [small(), PatchProjector((3, 8), width=6)], ids=lambda model: type(model).__name__)
def test_stored_and_loaded_it_is_the_same(model: ModelMixin, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = load_stored(type(model), tmp_path)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in loaded.state_dict().items())
    if isinstance(loaded, ResnetTranslator):
        torch.testing.assert_close(loaded(image()), model(image()), rtol=0, atol=0)


def test_a_skip_adds_the_source_before_the_tanh():
    torch.manual_seed(0)
    with_skip, without = ResnetTranslator(channels=4, blocks=1, skip=True), ResnetTranslator(channels=4, blocks=1)
    without.load_state_dict(with_skip.state_dict())
    torch.nn.init.zeros_(with_skip.head.weight)
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(with_skip(x), x.clamp(-0.99, 0.99), atol=1e-6, rtol=0)
    with_skip.load_state_dict(without.state_dict())
    expected = (without(x).atanh() + x.clamp(-0.99, 0.99).atanh()).tanh()
    torch.testing.assert_close(with_skip(x), expected, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="skip adds 3 channels to 1: expected as many"):
        ResnetTranslator(3, 1, channels=4, blocks=1, skip=True)
