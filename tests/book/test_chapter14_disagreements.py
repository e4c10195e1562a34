"""Where notes on Leffa's paper and its released code differ or are silent, and what the library does."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.zoo import attention_zoo
from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.diffusion import rescale_guidance
from vtonlib.grids import coordinate_grid, resize_flow
from vtonlib.losses.flow import joined_flow, leffa, leffa_flow, leffa_warp
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.models.conditions import INPUT_CHANNELS, Conditions, denoiser_inputs
from vtonlib.models.leffa import LeffaUNet
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.pipelines.schedulers import released_scheduler

GRID = Grid(4, 3)
SHAPE = {
    "in_channels": 9,
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "attention_levels": (True, False),
    "num_attention_heads": 2,
    "norm_num_groups": 8,
}


def joined_record() -> AttentionRecord:
    g = torch.Generator().manual_seed(0)
    query, own, key = torch.randn(3, 2, 2, GRID.tokens, 6, generator=g, dtype=torch.float64)
    return AttentionRecord(query, torch.cat((own, key), dim=2), 6**-0.5, GRID, (GRID, GRID))


def random_pictures(height: int, width: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    return tuple(torch.rand(2, 2, 3, height, width, generator=g, dtype=torch.float64) * 2 - 1)  # type: ignore[return-value]


@pytest.mark.disagreement("D66")
def test_rows_of_the_right_half_are_no_places() -> None:
    """Taken out of the map over 2n, rows sum to less than 1, and their mean place lies nearer to the middle."""
    record = joined_record()
    half = record.weights(temperature=2.0).mean(1)[..., GRID.tokens :]
    assert float(half.sum(-1).max()) < 0.9
    places = coordinate_grid(*GRID, dtype=torch.float64).flatten(0, 1)
    torch.testing.assert_close((half @ places).unflatten(1, GRID), joined_flow(record))
    ours = record.per_key_grid()[-1].weights(temperature=2.0).mean(1)
    torch.testing.assert_close(ours.sum(-1), torch.ones(2, GRID.tokens, dtype=torch.float64))
    torch.testing.assert_close((ours @ places).unflatten(1, GRID), leffa_flow(record))
    assert float(joined_flow(record).abs().mean()) < 0.8 * float(leffa_flow(record).abs().mean())


@pytest.mark.disagreement("D67")
def test_each_token_to_itself_gives_the_reference_back_with_these_corners_alone() -> None:
    reference, _ = random_pictures(12, 9)
    places = coordinate_grid(*GRID, dtype=torch.float64).expand(2, -1, -1, -1)
    itself = attention_zoo(places)["truth"]
    torch.testing.assert_close(leffa_warp(itself, reference), reference, atol=1e-6, rtol=0)
    for corners in ((True, False), (False, True), (False, False)):
        large = F.interpolate(places.movedim(-1, 1), (12, 9), mode="bilinear", align_corners=corners[0])
        other = F.grid_sample(reference, large.movedim(1, -1), padding_mode="border", align_corners=corners[1])
        assert float((other - reference).abs().max()) > 0.1


@pytest.mark.disagreement("D68")
def test_a_mean_does_not_grow_with_the_picture() -> None:
    record, coarse = joined_record(), random_pictures(4, 3)
    losses, sums = [], []
    for times in (4, 16):  # the same smooth pictures, in two sizes
        pair = [resize_flow(x.movedim(1, -1), 4 * times, 3 * times).movedim(-1, 1) for x in coarse]
        mask = torch.ones_like(pair[0][:, :1])
        losses.append(float(leffa(record, *pair, mask)))
        sums.append(losses[-1] * 3 * float(mask.sum()))
    assert losses[1] == pytest.approx(losses[0], rel=0.2)
    assert sums[1] > 12 * sums[0]


@pytest.mark.disagreement("D69")
def test_most_of_what_is_painted_beside_the_garment_no_garment_explains() -> None:
    """At the true places the garment region fits; in the rest of the painted region nothing does."""
    batch = World(DataConfig()).paired("test", torch.arange(8))
    apart = (batch.warped_garment - batch.person).square().mean(1, keepdim=True)
    worn = batch.garment_region * batch.flow_mask
    beside = batch.agnostic_mask * (1 - batch.garment_region)
    assert float(beside.sum()) > 0.2 * float(worn.sum())
    fits, misfits = ((apart * m).sum() / m.sum() for m in (worn, beside))
    assert float(misfits) > 5 * float(fits)


@pytest.mark.disagreement("D70")
def test_released_blocks_add_the_norm_of_what_they_are_given() -> None:
    torch.manual_seed(0)
    released, removed = (LeffaUNet(**SHAPE, text_attention=name).eval() for name in ("released", "removed"))
    seen: dict[str, Tensor] = {}
    block = released.unet.down_blocks[0].attentions[0].transformer_blocks[0]
    block.norm2.register_forward_hook(lambda _, given, out: seen.update(h=given[0], norm=out))
    block.norm3.register_forward_hook(lambda _, given, out: seen.update(after=given[0]))
    sample, reference, time = torch.randn(1, 9, 16, 12), torch.randn(1, 4, 16, 12), torch.tensor([500])
    out = released(sample, time, released.encode_reference(reference, time))
    torch.testing.assert_close(seen["after"], seen["h"] + seen["norm"])
    assert any(".norm2." in name for name in released.state_dict())
    assert not any("norm2" in name and "attentions" in name for name in removed.state_dict())
    missing = removed.load_state_dict(released.state_dict(), strict=False)
    assert not missing.missing_keys
    assert not torch.allclose(removed(sample, time, removed.encode_reference(reference, time)), out, atol=1e-3)


@pytest.mark.disagreement("D71")
def test_orders_of_the_input() -> None:
    g = torch.Generator().manual_seed(0)
    noisy, agnostic, pose, garment = torch.randn(4, 2, 4, 4, 3, generator=g)
    keep = torch.randint(2, (2, 1, 4, 3), generator=g).float()
    conditions = Conditions(agnostic, keep, pose, garment)
    assert (INPUT_CHANNELS["leffa"], INPUT_CHANNELS["leffa_pose"], INPUT_CHANNELS["leffa_released"]) == (9, 8, 12)
    assert torch.equal(denoiser_inputs("leffa", noisy, conditions), torch.cat((noisy, agnostic, 1 - keep), 1))
    assert torch.equal(denoiser_inputs("leffa_pose", noisy, conditions), torch.cat((noisy, pose), 1))
    picture = torch.rand(2, 3, 8, 6, generator=g)
    released = denoiser_inputs("leffa_released", noisy, conditions, picture)
    assert torch.equal(released, torch.cat((noisy, 1 - keep, agnostic, picture[:, :, ::2, ::2]), 1))


@pytest.mark.disagreement("D72")
def test_only_the_painted_picture_asks() -> None:
    """The released way asks with all 2n tokens and keeps half: equal."""
    torch.manual_seed(0)
    net = LeffaUNet(**SHAPE).double().eval()
    asked: list[Tensor] = []
    seen: dict[str, Tensor] = {}
    attn = net.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1
    attn.to_q.register_forward_hook(lambda _, given, out: asked.append(given[0]))
    attn.register_forward_hook(lambda _, given, named, out: seen.update(own=given[0], out=out), with_kwargs=True)
    sample, reference = torch.randn(1, 9, 8, 6).double(), torch.randn(1, 4, 8, 6).double()
    features = net.encode_reference(reference, torch.tensor([500]))
    net(sample, torch.tensor([500]), features)
    assert asked[0].shape[1] == 48  # not 96
    both = torch.cat((seen["own"], features.values[0]), dim=1)
    q, k, v = (p(both).unflatten(-1, (2, -1)).transpose(1, 2) for p in (attn.to_q, attn.to_k, attn.to_v))
    answers = ((q @ k.mT * attn.scale).softmax(-1) @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attn.to_out[0](answers)[:, :48], seen["out"])


@pytest.mark.disagreement("D73")
def test_the_released_rescaling_extrapolates() -> None:
    g = torch.Generator().manual_seed(0)
    conditional = torch.randn(1, 4, 8, 6, generator=g, dtype=torch.float64)
    for r in (0.5, 0.6, 0.8):
        made = conditional / r
        for share in (0.0, 0.7, 1.0):  # between the two
            factor = float((rescale_guidance(made, conditional, share) / made).mean())
            assert r - 1e-9 <= factor <= 1 + 1e-9
        released = rescale_guidance(made, conditional, 2.5)
        torch.testing.assert_close(released, (2.5 * r - 1.5) * made, atol=1e-9, rtol=0)
    assert float((rescale_guidance(conditional / 0.5, conditional, 2.5) / conditional).mean()) < 0


@pytest.mark.disagreement("D74")
def test_equal_seeds_give_equal_pictures() -> None:
    """Start noise, sampled latents and step noise are drawn from one generator, whatever the global one says."""
    torch.manual_seed(0)
    unet, coder = LeffaUNet(**SHAPE).eval(), new_autoencoder((16, 16, 16)).eval()
    pipeline = LeffaPipeline(coder, unet, released_scheduler("ddpm", prediction_type="sample"), order="leffa")
    pipeline.set_progress_bar_config(disable=True)
    pictures = torch.rand(2, 1, 3, 32, 24) * 2 - 1
    mask = torch.zeros(1, 1, 32, 24)
    mask[:, :, 8:24, 6:18] = 1
    given = {"garment": pictures[0], "agnostic": pictures[1], "agnostic_mask": mask}
    found = []
    for seed, world in ((0, 1), (0, 2), (3, 1)):
        torch.manual_seed(world)
        drawn = torch.Generator().manual_seed(seed)
        found.append(pipeline(**given, num_inference_steps=2, posterior="sample", generator=drawn).images)
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])
