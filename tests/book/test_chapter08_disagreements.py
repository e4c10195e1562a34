"""Where StableVITON's paper and released code differ, or the code does more than it needs: each variant written out."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor, nn

from vtonlib.attention import AttentionRecord, AttentionTap, Grid
from vtonlib.losses.attention import coordinate_supervision, row_supervision
from vtonlib.models.stable_viton import StableVITONUNet, ZeroCrossAttentionBlock
from vtonlib.models.unet import UNet
from vtonlib.presets import preset
from vtonlib.tasks.stable_viton import StableVITONConfig

TINY = {
    "block_out_channels": (16, 16, 16, 16),
    "num_attention_heads": 2,
    "cross_attention_dim": 8,
    "norm_num_groups": 8,
}
"""Stable Diffusion's plan: four levels, twelve skips."""


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def ordinary(network: nn.Module) -> nn.Module:
    """Queries and keys are computed for one token too, as in the released code."""
    for module in network.modules():
        if isinstance(module, BasicTransformerBlock):
            module.attn2.set_processor(AttnProcessor2_0())
    return network


def awake(zero_layers: int, steps: int = 3) -> list[set[str]]:
    """The children of a block that receive a gradient, and "garment", step by step."""
    torch.manual_seed(0)
    block = ZeroCrossAttentionBlock(16, 16, heads=4, norm_num_groups=8, zero_layers=zero_layers)
    x, garment, target = drawn(3, 2, 16, 6, 4)
    garment.requires_grad_()
    optimizer, found = torch.optim.SGD(block.parameters(), lr=0.3), []
    for _ in range(steps):
        optimizer.zero_grad()
        garment.grad = None
        (block(x, garment) - target).square().mean().backward()
        moved = {name.split(".")[0] for name, p in block.named_parameters() if p.grad.abs().max() > 0}
        found.append(moved | ({"garment"} if garment.grad.abs().max() > 0 else set()))
        optimizer.step()
    return found


@pytest.mark.disagreement("D37")
def test_what_sees_the_person_cannot_be_kept() -> None:
    torch.manual_seed(0)
    model = StableVITONUNet(**TINY)
    token, garment = drawn(1, 1, 8), drawn(1, 4, 16, 8)
    for warp in model.warps:
        nn.init.normal_(warp.zero_conv.weight, std=0.1)
    features = model.encode_garment(garment, token)
    one, two = drawn(2, 1, 13, 16, 8), torch.tensor([900, 10])
    for sample, time in zip(one, two, strict=True):  # ours: the same features serve every step
        fresh = model(sample, time[None], token, model.encode_garment(garment, token))
        assert torch.equal(model(sample, time[None], token, features), fresh)
    # as released: the noisy person in, the garment added once; another person or time, other features
    released = StableVITONUNet(control_sees="person", zero_layers=2, **TINY)
    nn.init.normal_(released.garment_encoder.garment_conv.weight)
    hint = released.encode_garment(garment, token)
    maps = [
        released.control(sample, time[None], token, hint).values[1]
        for sample, time in ((one[0], two[0]), (one[1], two[0]), (one[0], two[1]))
    ]
    assert not torch.allclose(maps[0], maps[1], atol=1e-3) and not torch.allclose(maps[0], maps[2], atol=1e-3)


@pytest.mark.disagreement("D38")
def test_a_second_zero_delays_all_behind_it_by_a_step() -> None:
    everything = {name for name, _ in ZeroCrossAttentionBlock(16, 16, heads=4, norm_num_groups=8).named_children()}
    assert awake(1) == [{"zero_conv"}, everything | {"garment"}, everything | {"garment"}]
    assert awake(2) == [
        {"zero_conv"},
        {"zero_conv", "proj_out"},
        everything | {"garment"},
    ]


@pytest.mark.disagreement("D38")
def test_the_garment_is_heard_after_as_many_steps_as_its_path_has_zeros() -> None:
    """The released branch has a third zero, where the garment enters it."""
    for zeros, options in ((1, {}), (2, {"zero_layers": 2}), (3, {"zero_layers": 2, "control_sees": "person"})):
        torch.manual_seed(0)
        model = StableVITONUNet(**TINY, **options).double()
        x, garment, other, target = (drawn(1, c, 16, 8).double() for c in (13, 4, 4, 4))
        other = -other
        rest, learning = (torch.tensor([5]), drawn(1, 1, 8).double()), (model.garment_encoder, model.warps)
        optimizer = torch.optim.SGD([p for part in learning for p in part.parameters()], lr=0.3)
        changed = []
        for _ in range(zeros + 1):
            y, z = (model(x, *rest, model.encode_garment(g, rest[1])) for g in (garment, other))
            changed.append(bool((y != z).any()))
            optimizer.zero_grad()
            (y - target).square().mean().backward()
            optimizer.step()
        assert changed == [False] * zeros + [True]


@pytest.mark.disagreement("D38")
def test_the_end_acts_on_the_painters_features_too() -> None:
    block = ZeroCrossAttentionBlock(16, 16, heads=4, norm_num_groups=8)
    nn.init.normal_(block.zero_conv.weight)
    for parameter in block.proj_out.parameters():
        nn.init.zeros_(parameter)
    x, garment = drawn(2, 1, 16, 6, 4)
    assert torch.equal(block(x, garment), block(x, -garment))  # nothing of the garment
    assert (block(x, garment) - x).abs().max() > 0.1  # and yet something


@pytest.mark.disagreement("D39")
def test_left_out_of_the_optimizer_is_not_frozen() -> None:
    """Within no_grad nothing is trained, whatever the optimizer lists; outside of it all gradients are kept."""
    encoder, decoder = nn.Linear(3, 3), nn.Linear(3, 3)
    branch = nn.Linear(3, 3)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *branch.parameters()], lr=0.1, weight_decay=0)
    before = encoder.weight.clone()
    with torch.no_grad():
        hidden = encoder(drawn(2, 3))
    decoder(hidden + branch(drawn(2, 3))).square().mean().backward()
    optimizer.step()
    assert torch.equal(encoder.weight, before) and encoder.weight.grad is None
    assert decoder.weight.grad is not None  # as released: gradients of weights that nobody updates
    decoder.requires_grad_(False).zero_grad(set_to_none=True)
    decoder(hidden + branch(drawn(2, 3))).square().mean().backward()
    assert decoder.weight.grad is None and branch.weight.grad is not None


@pytest.mark.disagreement("D40")
def test_the_deepest_level_of_the_branch_is_never_read() -> None:
    torch.manual_seed(0)
    branch = ordinary(UNet(in_channels=13, **TINY))  # with all that ControlNet's copy has
    skips = branch.encode(drawn(1, 13, 16, 8), torch.tensor([5]), drawn(1, 1, 8)).skips
    sum(one.square().mean() for one in skips[:9]).backward()
    unread = {
        n for n, p in branch.named_parameters() if p.grad is None and not n.startswith(("up_", "conv_norm", "conv_out"))
    }
    assert {".".join(n.split(".")[:3]) for n in unread} == {
        "down_blocks.3.resnets",
        "down_blocks.2.downsamplers",
        "mid_block.attentions.0",
        "mid_block.resnets.0",
        "mid_block.resnets.1",
    }
    model = StableVITONUNet(**TINY)  # ours asks for nine maps
    assert len(model.warps) == 9
    with AttentionTap(model, "warps.*.attn2.core") as tap:
        token = drawn(1, 1, 8)
        model(drawn(1, 13, 16, 8), torch.tensor([5]), token, model.encode_garment(drawn(1, 4, 16, 8), token))
    assert [tuple(r.query_grid) for r in tap.values()] == [(4, 2)] * 3 + [(8, 4)] * 3 + [(16, 8)] * 3


@pytest.mark.disagreement("D41")
def test_attention_to_one_token_is_a_constant() -> None:
    torch.manual_seed(0)
    unet = UNet(in_channels=13, **TINY)
    token = drawn(1, 1, 8)
    ours = unet(drawn(1, 13, 16, 8), torch.tensor([5]), token)
    ordinary(unet)
    torch.testing.assert_close(unet(drawn(1, 13, 16, 8), torch.tensor([5]), token), ours, rtol=1e-4, atol=1e-5)
    unet(drawn(1, 13, 16, 8), torch.tensor([5]), token).square().mean().backward()
    blocks = [m for n, m in unet.named_modules() if n.endswith("transformer_blocks.0")]
    assert len(blocks) == 6 + 1 + 9
    silent = 0
    for block in blocks:
        attention = block.attn2
        for parameter in (attention.to_q.weight, attention.to_k.weight, block.norm2.weight, block.norm2.bias):
            silent += bool(parameter.grad.abs().max() < 1e-9)
        assert attention.to_v.weight.grad.abs().max() > 1e-9
        constant = attention.to_out[0](attention.to_v(token))
        everywhere = attention(drawn(1, 7, 16), encoder_hidden_states=token)
        torch.testing.assert_close(everywhere, constant.expand(1, 7, 16), rtol=1e-4, atol=1e-5)
    assert silent == 4 * len(blocks)


@pytest.mark.disagreement("D42")
def test_a_draw_at_every_call_changes_the_garment() -> None:
    """The released code draws the garment's latents from the posterior at every call; ours are kept."""
    from vtonlib.models.autoencoder import encode, load_autoencoder

    autoencoder, garment = load_autoencoder(), drawn(1, 3, 32, 24).clamp(-1, 1)
    posterior = autoencoder.encode(garment).latent_dist
    first, second = posterior.sample(), posterior.sample()
    assert not torch.equal(first, second)
    assert torch.equal(encode(autoencoder, garment), encode(autoencoder, garment))


@pytest.mark.disagreement("D48")
def test_only_the_whole_unet_lets_the_finest_map_hear_of_everything() -> None:
    token, heard = drawn(1, 1, 8), {}
    for network in ("encoder", "unet"):
        torch.manual_seed(0)
        reader = StableVITONUNet(**TINY, garment_network=network).garment_encoder
        garment = drawn(1, 4, 16, 8).requires_grad_()
        reader(garment, token)[0][..., 8, 4].sum().backward()
        heard[network] = garment.grad[0].abs().sum(0) > 0
    assert heard["encoder"].sum() == 9 and heard["encoder"][7:10, 3:6].all()  # a 3 x 3 convolution
    assert heard["unet"].all()


@pytest.mark.disagreement("D49")
@torch.no_grad()
def test_over_the_short_way_a_garment_is_heard_before_any_step() -> None:
    given, token = (drawn(1, 13, 16, 8), torch.tensor([5])), drawn(1, 1, 8)
    for carries in (False, True):
        torch.manual_seed(0)
        model = StableVITONUNet(**TINY, carries_latents=carries)
        one, other = (model(*given, token, model.encode_garment(g, token)) for g in drawn(2, 1, 4, 16, 8))
        assert torch.equal(one, other) != carries
        assert torch.equal(one, model.paint(*given, token)) != carries


@pytest.mark.disagreement("D50")
def test_the_shipped_models_are_told_the_truth_and_of_photographs_nothing_is_known() -> None:
    assert not StableVITONConfig().supervision.active and preset("stableviton", size="tiny").task.supervision.active
    record = AttentionRecord(
        drawn(1, 1, 12, 4).requires_grad_(), drawn(1, 1, 12, 4).requires_grad_(), 0.5, Grid(4, 3), (Grid(4, 3),)
    )
    flow = drawn(1, 4, 3, 2).clamp(-1, 1)
    for loss in (coordinate_supervision, row_supervision):
        assert loss(record, flow, torch.ones(1, 1, 4, 3)) > 0
        assert loss(record, flow, torch.zeros(1, 1, 4, 3)) == 0
