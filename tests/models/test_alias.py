"""ALIAS residual blocks and generator, against the official code and by their properties."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from gan_goldens import Golden, load_renamed, names, replay
from torch import Tensor

from vtonlib.models.alias import ALIASGenerator, ALIASResBlock, split_parse
from vtonlib.models.initialization import init_xavier
from vtonlib.models.normalization import to_hook_key
from vtonlib.models.spade import SPADEGenerator
from vtonlib.official import viton_hd_alias
from vtonlib.official.keys import BLOCKS, rename_generator_key

SMALL = (64, 64, 48, 32, 24)
DTYPES = (torch.float32, torch.float64)


def conditions(
    height: int, width: int, *, labels: int = 7, batch: int = 1, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(batch, 9, height, width, generator=generator) * 2 - 1
    ids = torch.randint(labels, (batch, height, width), generator=generator)
    parse = torch.nn.functional.one_hot(ids, labels).movedim(-1, 1).float()
    mask = parse[:, 2:3] * torch.rand(batch, 1, height, width, generator=generator)
    return inputs, parse, split_parse(parse, mask, 2), mask


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("aliasresblk"))
def test_block_equals_the_official_one(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden(name, dtype)
    args = golden.args
    masked = args["use_mask_norm"]
    block = ALIASResBlock(
        args["input_nc"], args["output_nc"], 7 + masked, norm="mask" if masked else "instance"
    ).to(dtype)  # fmt: skip
    load_renamed(block.eval(), golden.state, rename_generator_key)
    replay(monkeypatch, golden.noises())
    x = golden["x"].requires_grad_()
    y = block(x, golden["seg"], golden.inputs.get("mask"))
    (y * golden["ct"]).sum().backward()
    golden.check("y", y)
    golden.check("grad.x", x.grad)
    for key, parameter in block.named_parameters():
        if f"grad.{to_hook_key(key)}" in golden.unchecked:
            golden.check(f"grad.{to_hook_key(key)}", parameter.grad)
    assert not golden.unchecked


def check_generator(golden: Golden, generator: ALIASGenerator, x: Tensor) -> None:
    """The image and what every block puts out."""
    kept = {}
    for name, block in zip(BLOCKS, generator.blocks, strict=True):
        block.register_forward_hook(lambda *call, name=name: kept.update({name: call[2]}))
    parse, mask = golden.one_hot("labels", 7), golden["mis"]
    with torch.no_grad():
        golden.check("y", generator.eval()(x, parse, split_parse(parse, mask, 2), mask))
    for name, features in kept.items():
        rows, columns = golden.wanted[f"mid.{name}.slice"].shape[2:]
        golden.check(f"mid.{name}.slice", features[:, : golden.wanted[f"mid.{name}.slice"].shape[1], :rows, :columns])
        golden.check(f"mid.{name}.mean_std", torch.stack((features.mean(), features.std())))
    assert not golden.unchecked


@pytest.mark.parametrize("dtype", DTYPES)
def test_generator_equals_the_official_one(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden("alias_generator_most_256x128", dtype)
    generator = ALIASGenerator.most(golden.args["opt"]["ngf"]).to(dtype)
    load_renamed(generator, golden.state, viton_hd_alias.rename)
    replay(monkeypatch, golden.noises())
    check_generator(golden, generator, golden["x"])


def recipe(key: str, seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.RandomState((seed + zlib.crc32(key.encode())) % 2**32).standard_normal(shape)


def recipe_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """The manifest's recipe for the state of a large network, for these official keys."""
    state = {}
    for key, shape in shapes.items():
        if key.endswith(("weight_u", "weight_v")):
            continue
        z = recipe(key, seed, shape)
        if len(shape) > 1:
            z *= np.prod(shape[1:]) ** -0.5 * (0.3 if key == "conv_img.weight" else 1)
        else:
            z *= 0.1 if key.endswith("bias") else 0.0
        state[key] = torch.from_numpy(z.astype(np.float32))
        if key.endswith("weight_orig"):
            matrix = state[key].flatten(1).double()
            u = torch.from_numpy(recipe(key.replace("_orig", "_u"), seed, (shape[0],)))
            for _ in range(2):
                v = torch.nn.functional.normalize(matrix.mT @ u, dim=0)
                u, before = torch.nn.functional.normalize(matrix @ v, dim=0), u
            state[key.replace("_orig", "_u")], state[key.replace("_orig", "_v")] = before.float(), v.float()
    return state


def test_the_full_generator_equals_the_official_one() -> None:
    """100.5 million parameters at the smallest legal size."""
    golden = Golden("alias_generator_full_recipe")
    seed, generator = golden.args["seed"], ALIASGenerator.most()
    assert round(sum(p.numel() for p in generator.parameters()) / 1e6, 1) == 100.5
    ours = {key: tuple(value.shape) for key, value in generator.state_dict().items()}
    official = Golden("alias_generator_most_256x128").state
    weights = recipe_weights({key: ours[viton_hd_alias.rename(key)] for key in official}, seed)
    load_renamed(generator, weights, viton_hd_alias.rename)
    check_generator(golden, generator, torch.from_numpy(np.tanh(recipe("x", seed, (1, 9, 256, 128)))).float())


@pytest.mark.parametrize(("height", "width"), [(64, 48), (32, 16), (16, 48), (80, 112)])
def test_a_small_ladder_takes_any_multiple_of_its_doublings(height: int, width: int) -> None:
    generator = ALIASGenerator(channels=SMALL, hidden=8)
    image = generator(*conditions(height, width, batch=2), generator=torch.Generator())
    assert image.shape == (2, 3, height, width)
    assert image.abs().max() <= 1


@pytest.mark.parametrize(("height", "width"), [(64, 40), (60, 48), (16, 16), (8, 8)])
def test_an_illegal_size_is_an_error_that_names_the_legal_multiples(height: int, width: int) -> None:
    with pytest.raises(ValueError, match="must be multiples of 16, and the smallest legal sizes are 32x16 and 16x32"):
        ALIASGenerator(channels=SMALL, hidden=2)(*conditions(height, width))


def test_the_official_ladders_name_their_multiples() -> None:
    assert ALIASGenerator.most(2).latent_size(1024, 768) == (8, 6)
    assert ALIASGenerator.more(2).latent_size(256, 192) == (4, 3)
    with pytest.raises(ValueError, match="256x192: both sides must be multiples of 128"):
        ALIASGenerator.most(2).latent_size(256, 192)


@pytest.mark.parametrize("name", ["parse", "parse_div", "misalign_mask"])
def test_maps_of_another_size_are_an_error(name: str) -> None:
    named = dict(zip(("inputs", "parse", "parse_div", "misalign_mask"), conditions(32, 48), strict=True))
    named[name] = named[name][..., :16]
    with pytest.raises(ValueError, match=f"{name} is .*expected the size of inputs"):
        ALIASGenerator(channels=SMALL, hidden=2)(**named)


def test_wrong_channels_and_block_counts_are_errors() -> None:
    inputs, parse, _, mask = conditions(32, 48)
    with pytest.raises(ValueError, match=r"labels are \(1, 7, 2, 3\): expected 8 channels"):
        ALIASGenerator(channels=SMALL, hidden=2)(inputs, parse, parse, mask)
    uniform = torch.ones(1, 7, 64, 64)
    with pytest.raises(ValueError, match=r"labels are \(1, 7, 32, 32\): expected 8 channels"):
        ALIASResBlock(3, 3, 8)(torch.zeros(1, 3, 32, 32), uniform, uniform[:, :1])
    with pytest.raises(ValueError, match="mask_norm_blocks is 6, of 5 blocks"):
        ALIASGenerator(channels=SMALL, mask_norm_blocks=6)


def test_samples_do_not_see_each_other_and_noise_repeats() -> None:
    generator = ALIASGenerator(channels=SMALL, hidden=4, mask_norm_blocks=3).eval().double()
    maps = [m.double() for m in conditions(32, 48, batch=3)]
    together = generator(*maps)
    apart = torch.cat([generator(*(m[i : i + 1] for m in maps)) for i in range(3)])
    torch.testing.assert_close(together, apart)  # the noise has scale 0 until it is learned
    for block in generator.blocks:
        block.norm_0.noise_scale.data.fill_(0.5)
    drawn = [generator(*maps, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])


def test_every_parameter_learns() -> None:
    generator = ALIASGenerator(channels=(6, 6, 5, 5), mask_norm_blocks=2, hidden=4)
    generator(*conditions(16, 24)).square().sum().backward()
    idle = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert idle == []


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_give_numbers(value: float) -> None:
    inputs, parse, _, mask = conditions(32, 48)
    mask = torch.full_like(mask, value)
    image = ALIASGenerator(channels=SMALL, hidden=4)(inputs, parse, split_parse(parse, mask, 2), mask)
    assert image.isfinite().all()


def test_split_parse_moves_the_misaligned_part_to_a_label_of_its_own() -> None:
    _, parse, divided, mask = conditions(6, 5)
    assert torch.equal(divided.sum(1), parse.sum(1))
    assert torch.equal(divided[:, 7:], mask)
    assert torch.equal(divided[:, 2:3], parse[:, 2:3] - mask)
    assert torch.equal(divided[:, [0, 1, 3, 4, 5, 6]], parse[:, [0, 1, 3, 4, 5, 6]])
    with pytest.raises(ValueError, match="garment_channel is 7: the parse map has channels 0 to 6"):
        split_parse(parse, mask, 7)


def test_initial_weights_have_the_announced_spread() -> None:
    generator = SPADEGenerator(3, 4)
    conv = generator.blocks[0].conv_0.parametrizations.weight.original
    expected = 0.02 * (2 / (2 * 9 * 64)) ** 0.5
    assert conv.std().item() == pytest.approx(expected, rel=0.05)
    assert all(p.abs().max() == 0 for name, p in generator.named_parameters() if name.endswith("bias"))
    linear = torch.nn.Linear(400, 300)
    init_xavier(linear, gain=2.0)
    assert linear.weight.std().item() == pytest.approx(2 * (2 / 700) ** 0.5, rel=0.05)
