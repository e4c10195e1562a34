"""The equations of the chapter on zero cross-attention, each written out from its formula."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.data.recoloured import PLACE_RANGE, place_colours, read_places
from vtonlib.evaluation.painted import pattern_error, unmoved_share
from vtonlib.models.feature_addition import FeatureAddition
from vtonlib.models.garment_encoder import GarmentEncoder, GarmentUNet, placed
from vtonlib.models.stable_viton import ZeroCrossAttentionBlock
from vtonlib.models.unet import UNet
from vtonlib.models.unet_parts import Composition
from vtonlib.models.zero_chain import ZeroChain, moving


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.equation("eq-feature-addition")
def test_a_sum_adds_the_features_of_the_same_place() -> None:
    module = FeatureAddition(3, 4).double()
    x, features = drawn(2, 3, 2, 5), drawn(2, 4, 2, 5, seed=1)
    assert torch.equal(module(x, features), x)
    torch.nn.init.normal_(module.zero_conv.weight)
    weight = module.zero_conv.weight[:, :, 0, 0]
    added = module(x, features)
    for row in range(2):
        for column in range(5):
            wanted = x[1, :, row, column] + weight @ features[1, :, row, column]
            torch.testing.assert_close(added[1, :, row, column], wanted)


@pytest.mark.equation("eq-unmoved-share")
@pytest.mark.parametrize("reach", [0, 1, 2, None])
def test_no_fixed_kernel_misses_less(reach: int | None) -> None:
    """Least squares over strips of independent cells, each worn at a shift that is drawn by chance."""
    generator = torch.Generator().manual_seed(3)
    probability = torch.tensor([0.1, 0.4, 0.2, 0.1, 0.2], dtype=torch.float64)  # of shifts -2 to 2
    strips, length = 40_000, 5
    garment = torch.randn(strips, length, generator=generator, dtype=torch.float64)
    shift = torch.multinomial(probability, strips, replacement=True, generator=generator) - 2
    worn = torch.gather(garment, 1, (torch.arange(length) + shift[:, None]) % length)[:, 0]
    seen = range(-2, 3) if reach is None else range(-reach, reach + 1)
    read = torch.stack([garment[:, s % length] for s in seen], dim=1)
    kernel = torch.linalg.lstsq(read, worn[:, None]).solution
    missed = float((worn[:, None] - read @ kernel).square().mean())
    found = unmoved_share(probability[None], reach=reach)
    assert found == pytest.approx(1 - sum(float(probability[s + 2]) ** 2 for s in seen))
    assert missed == pytest.approx(found, abs=0.02)


def test_the_strip_of_the_chapter() -> None:
    even = torch.zeros(1, 7)
    even[0, 2:6] = 0.25  # shifts -1 to 2, which in a ring of four are all
    assert [unmoved_share(even, reach=r) for r in (0, 1, None)] == [15 / 16, 13 / 16, 12 / 16]


@pytest.mark.equation("eq-zero-cross-attention")
@torch.no_grad()
def test_the_block_by_loops_over_tokens() -> None:
    torch.manual_seed(0)
    block = ZeroCrossAttentionBlock(4, 6, heads=1, norm_num_groups=2).double()
    torch.nn.init.normal_(block.zero_conv.weight)
    x, garment = drawn(1, 4, 2, 3), drawn(1, 6, 2, 3, seed=1)

    def attend(part: torch.nn.Module, asks: Tensor, answers: Tensor) -> Tensor:
        rows = []
        for query in asks @ part.to_q.weight.mT:
            powers = [math.exp((query @ key).item() / 2) for key in answers @ part.to_k.weight.mT]
            values = answers @ part.to_v.weight.mT
            rows.append(sum(p / sum(powers) * v for p, v in zip(powers, values, strict=True)))
        return torch.stack(rows) @ part.to_out.weight.mT + part.to_out.bias

    u = block.proj_in(block.norm(x))[0].flatten(1).mT
    u = u + attend(block.attn1, block.norm1(u), block.norm1(u))
    u = u + attend(block.attn2, block.norm2(u), garment[0].flatten(1).mT)
    u = u + block.ff(block.norm3(u))
    inner = x + block.proj_out(u.mT.unflatten(1, (2, 3))[None])
    torch.testing.assert_close(block(x, garment), x + block.zero_conv(inner))


@pytest.mark.equation("eq-chain-gradients")
@pytest.mark.parametrize("s", [0.0, 1.0])
def test_the_chains_gradients_are_the_losss_slopes(s: float) -> None:
    chain = ZeroChain(z=0.3, p=-0.7, w=1.3, s=s, x=0.9, c=-0.4, target=1.7)
    z, p, w = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (chain.z, chain.p, chain.w))
    y = chain.x + z * (s * chain.x + p * w * chain.c)
    ((y - chain.target) ** 2 / 2).backward()
    assert chain.gradients() == pytest.approx({"z": z.grad.item(), "p": p.grad.item(), "w": w.grad.item()})


def test_which_weight_of_the_chain_moves_at_which_step() -> None:
    def awake(chain: ZeroChain) -> list[str]:
        return ["".join(name for name, slope in step.items() if slope) for step in moving(chain, 3)]

    assert awake(ZeroChain()) == ["z", "zpw", "zpw"]
    assert awake(ZeroChain(p=0)) == ["z", "zp", "zpw"]
    assert awake(ZeroChain(p=0, s=0)) == ["", "", ""]
    one, two = moving(ZeroChain(), 2), moving(ZeroChain(p=0), 2)
    assert one == [{"z": -2, "p": 0, "w": 0}, {"z": -1, "p": -1 / 8, "w": -1 / 8}]
    assert two[1] == {"z": -7 / 8, "p": -7 / 64, "w": 0}


@pytest.mark.equation("eq-pattern-error")
def test_pattern_error_sees_deviations_alone() -> None:
    truth, mask = drawn(2, 3, 4, 5), torch.zeros(2, 1, 4, 5, dtype=torch.float64)
    mask[:, :, 1:, :3] = 1
    painted = drawn(2, 3, 4, 5, seed=1)
    by_loop = []
    for b in range(2):
        inside = mask[b, 0] == 1
        ours, theirs = painted[b][:, inside], truth[b][:, inside]
        ours, theirs = ours - ours.mean(1, keepdim=True), theirs - theirs.mean(1, keepdim=True)
        by_loop.append((ours - theirs).norm() / theirs.norm())
    torch.testing.assert_close(pattern_error(painted, truth, mask), torch.stack(by_loop))
    torch.testing.assert_close(pattern_error(truth + 5, truth, mask), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(pattern_error(0 * truth, truth, mask), torch.ones(2, dtype=torch.float64))


@pytest.mark.equation("eq-read-places")
def test_a_painting_of_places_is_a_flow() -> None:
    flow = drawn(2, 3, 4, 2)
    painted = place_colours(flow)
    torch.testing.assert_close(painted[:, 0], PLACE_RANGE * flow[..., 0])
    torch.testing.assert_close(painted[:, 1], PLACE_RANGE * flow[..., 1])
    torch.testing.assert_close(read_places(painted), flow)


@pytest.mark.equation("eq-garment-maps")
@torch.no_grad()
def test_each_map_of_the_whole_unet_is_made_of_the_coarser_one_and_the_skip() -> None:
    torch.manual_seed(0)
    shape = {"attention_levels": (False, False, False), "num_attention_heads": 2, "cross_attention_dim": 8}
    unet = UNet(block_out_channels=(16, 16, 16), layers_per_block=1, norm_num_groups=8, **shape)
    encoder, whole = GarmentEncoder.from_unet(unet), GarmentUNet.from_unet(unet)
    garment, token = drawn(1, 4, 8, 4).float(), drawn(1, 1, 8).float()
    s = [whole.conv_in(placed(garment))]  # s_i = E_i(s_(i-1)): a residual block, or what halves the lattice
    time = whole.time_embedding(whole.time_proj(torch.zeros(1, dtype=torch.long)))
    for level in whole.down_blocks:
        s.append(level.resnets[0](s[-1], time))
        if level.downsamplers is not None:
            s.append(level.downsamplers[0](s[-1]))
    g = {6: whole.mid_block(s[5], time, encoder_hidden_states=token)}
    for i in reversed(range(6)):  # g_i = D_i(g_(i+1), s_i), enlarged where a level begins
        level, one = whole.up_blocks[2 - i // 2], 1 - i % 2
        below = whole.up_blocks[1 - i // 2].upsamplers[0](g[i + 1]) if i in (1, 3) else g[i + 1]
        g[i] = level.resnets[one](torch.cat((below, s[i]), dim=1), time)
    for found, wanted in zip(whole(garment, token), (g[0], g[1], g[2], g[3]), strict=True):
        torch.testing.assert_close(found, wanted)
    encoder.load_state_dict(whole.state_dict(), strict=False)
    for found, wanted in zip(encoder(garment, token), s, strict=False):  # g_i = s_i
        torch.testing.assert_close(found, wanted)


def cubic(t: float) -> float:
    """The weight of a neighbour t steps away in cubic convolution (Keys 1981, with PyTorch's slope of -3/4)."""
    t = abs(t)
    return 1.25 * t**3 - 2.25 * t**2 + 1 if t <= 1 else -0.75 * (t**3 - 5 * t**2 + 8 * t - 4) * (t < 2)


@pytest.mark.equation("eq-short-way")
@torch.no_grad()
def test_the_short_way_by_loops_over_places() -> None:
    torch.manual_seed(0)
    part, height, width = Composition(5, 3, 2).double(), 4, 6
    for mix in part.mix:
        torch.nn.init.normal_(mix.weight)
        torch.nn.init.normal_(mix.bias)
    features, latents = drawn(1, 5, height, width), drawn(1, 3, height, width, seed=1)
    maps = drawn(2, height * width, height * width, seed=2).mul(3).softmax(-1)
    found = part(
        features,
        [(a @ part.carried(latents)[0].flatten(1).mT).mT.unflatten(1, (height, width))[None] for a in maps],
        latents,
    )
    mask = part.mask(features)[0, 0].sigmoid()
    for i in range(height * width):
        total = torch.zeros(3, dtype=torch.float64)
        for a, mix in zip(maps, part.mix, strict=True):
            soft, row, column = torch.zeros(3, dtype=torch.float64), 0.0, 0.0
            for j in range(height * width):
                soft = soft + a[i, j] * latents[0, :, j // width, j % width]
                row, column = row + float(a[i, j]) * (j // width), column + float(a[i, j]) * (j % width)
            sharp = sum(  # bicubic: the sixteen latents around the mean place; beyond the border it continues
                cubic(row - y)
                * cubic(column - x)
                * latents[0, :, min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
                for y in range(int(row) - 1, int(row) + 3)
                for x in range(int(column) - 1, int(column) + 3)
            )
            total = total + mix.weight[:, :, 0, 0] @ torch.cat((soft, sharp)) + mix.bias
        torch.testing.assert_close(found[0, :, i // width, i % width], mask[i // width, i % width] * total)
