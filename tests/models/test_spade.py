"""SPADE's blocks and generator, against the official code and by their properties."""

from __future__ import annotations

import pytest
import torch
from gan_goldens import Golden, load_renamed, names

from vtonlib.models.normalization import to_hook_key
from vtonlib.models.spade import SPADEGenerator, SPADEResBlock
from vtonlib.official.keys import rename_generator_key

DTYPES = (torch.float32, torch.float64)


def labels(height: int, width: int, *, kinds: int = 3, batch: int = 1, seed: int = 0) -> torch.Tensor:
    drawn = torch.randint(kinds, (batch, height, width), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.one_hot(drawn, kinds).movedim(-1, 1).float()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("spade_resblk"))
def test_block_equals_the_official_one(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    args = golden.args
    norm = "batch" if "batch" in args["norm_G"] else "instance"
    block = SPADEResBlock(args["fin"], args["fout"], args["semantic_nc"], norm=norm).to(dtype)
    load_renamed(block, golden.state, rename_generator_key)
    block.train(args["mode"] == "train")
    x = golden["x"].requires_grad_()
    y = block(x, golden["seg"])
    (y * golden["ct"]).sum().backward()
    golden.check("y", y)
    golden.check("grad.x", x.grad)
    for key, parameter in block.named_parameters():
        if f"grad.{to_hook_key(key)}" in golden.unchecked:
            golden.check(f"grad.{to_hook_key(key)}", parameter.grad)
    for key, buffer in block.named_buffers():
        if f"after.{to_hook_key(key)}" in golden.unchecked:
            golden.check(f"after.{to_hook_key(key)}", buffer)
    assert not golden.unchecked


@pytest.mark.parametrize("dtype", DTYPES)
def test_generator_equals_the_official_one(dtype: torch.dtype) -> None:
    golden = Golden("spade_generator_normal", dtype)
    generator = SPADEGenerator(golden.args["opt"]["semantic_nc"], golden.args["opt"]["ngf"]).to(dtype)
    load_renamed(generator, golden.state, rename_generator_key)
    middle = {"mid.head_0": 0, "mid.G_middle_1": 2, "mid.up_1": 4}
    kept = {}
    for name, number in middle.items():
        generator.blocks[number].register_forward_hook(lambda *call, name=name: kept.update({name: call[2]}))
    golden.check("y", generator.eval()(golden.one_hot("labels", 5)))
    for name in middle:
        golden.check(name, kept[name][tuple(map(slice, golden.wanted[name].shape))])
    assert not golden.unchecked


@pytest.mark.parametrize(("upsampling", "size"), [("normal", (96, 64)), ("more", (128, 192)), ("most", (128, 256))])
def test_the_image_has_the_size_of_legal_labels(upsampling: str, size: tuple[int, int]) -> None:
    generator = SPADEGenerator(3, 2, upsampling=upsampling, hidden=4)
    image = generator(labels(*size))
    assert image.shape == (1, 3, *size)
    assert image.abs().max() <= 1


@pytest.mark.parametrize(
    ("size", "latent"),
    [((256, 256), (8, 8)), ((256, 512), (8, 16)), ((96, 160), (3, 5)), ((112, 64), (4, 2)), ((20, 64), (1, 2))],
)
def test_the_smallest_map_follows_the_aspect(size: tuple[int, int], latent: tuple[int, int]) -> None:
    """112 rows for 64 columns: 3.5 rows, which Python rounds to the even 4."""
    assert SPADEGenerator(3, 1, hidden=1).latent_size(*size) == latent


@pytest.mark.parametrize("size", [(32, 32), (31, 31), (1, 1), (9, 64)])
def test_too_small_labels_are_an_error_that_names_the_multiples(size: tuple[int, int]) -> None:
    generator = SPADEGenerator(3, 1, hidden=1)
    with pytest.raises(ValueError, match="multiples of 32"):
        generator(labels(*size))


def test_a_width_that_cannot_be_halved_and_an_unknown_ladder_are_errors() -> None:
    with pytest.raises(ValueError, match="must be even"):
        SPADEGenerator(3, 1, upsampling="most")
    with pytest.raises(ValueError, match="'less': expected normal, more or most"):
        SPADEGenerator(3, 2, upsampling="less")


def test_samples_do_not_see_each_other() -> None:
    generator = SPADEGenerator(3, 2, hidden=4).eval().double()
    maps = labels(64, 96, batch=3).double()
    together = generator(maps)
    apart = torch.cat([generator(maps[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, apart)


def test_a_block_without_spectral_norm_has_plain_weights() -> None:
    block = SPADEResBlock(3, 2, 3, spectral=False)
    assert {"conv_0.weight", "conv_1.weight", "conv_s.weight"} <= set(block.state_dict())


@pytest.mark.parametrize("norm", ["batch", "sync_batch"])
def test_batch_norms_work_on_one_pixel_in_evaluation(norm: str) -> None:
    block = SPADEResBlock(3, 4, 2, norm=norm).eval()
    assert block(torch.ones(1, 3, 1, 1), torch.ones(1, 2, 5, 7)).isfinite().all()
    with pytest.raises(ValueError, match="more than 1"):
        block.train()(torch.ones(1, 3, 1, 1), torch.ones(1, 2, 5, 7))
