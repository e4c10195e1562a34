"""The short way: the finest blocks carry the garment's latents to the output."""

import pytest
import torch

from vtonlib.attention import AttentionTap
from vtonlib.attention.core import attend
from vtonlib.models.stable_viton import StableVITONUNet, ZeroCrossAttentionBlock
from vtonlib.models.unet_parts import Composition

TINY = {
    "block_out_channels": (16, 32, 32),
    "layers_per_block": 1,
    "attention_levels": (False, True, True),
    "num_attention_heads": 4,
    "cross_attention_dim": 12,
    "norm_num_groups": 8,
}


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    return torch.randn(2, 13, 8, 12), torch.tensor([10, 999]), torch.randn(2, 1, 12), torch.randn(2, 4, 8, 12)


def test_what_is_carried_is_what_the_record_reads():
    torch.manual_seed(0)
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8)
    torch.nn.init.normal_(block.zero_conv.weight)
    x, garment, keys, latents = (torch.randn(2, c, 6, 4) for c in (16, 8, 8, 4))
    with AttentionTap(block, "attn2.core") as tap:
        features, read = block.carry(x, garment, latents, keys)
    values = latents.flatten(2).transpose(1, 2)[:, None]
    expected = tap["attn2.core"].read(values).mean(1).transpose(1, 2).unflatten(2, (6, 4))
    torch.testing.assert_close(read, expected)
    torch.testing.assert_close(block(x, garment, keys), features)


def test_the_composition_begins_as_half_soft_half_sharp_and_a_closed_mask_shows_nothing():
    composition = Composition(16, 4, 2)
    torch.nn.init.zeros_(composition.mask.weight)
    torch.nn.init.zeros_(composition.mask.bias)
    features, latents = torch.randn(1, 16, 6, 4), torch.randn(1, 4, 6, 4)
    places = composition.carried(latents)[:, 4:]  # each latent looks at itself, so what is warped stays
    reads = [torch.cat((torch.randn(1, 4, 6, 4), places), dim=1) for _ in range(2)]
    soft = (reads[0] + reads[1])[:, :4] / 2
    torch.testing.assert_close(composition(features, reads, latents), (soft + latents) / 2 / 2)
    torch.nn.init.constant_(composition.mask.bias, -100.0)
    assert composition(features, reads, latents).abs().max() < 1e-20


def test_sharp_latents_are_warped_at_their_own_resolution_to_where_tokens_were_seen():
    composition = Composition(16, 4, 1, patch_size=2)
    torch.nn.init.constant_(composition.mask.bias, 100.0)
    with torch.no_grad():
        composition.mix[0].weight.copy_(torch.cat((torch.zeros(4, 4), torch.eye(4)), dim=1)[..., None, None])
    latents = torch.randn(2, 4, 12, 8)
    carried = composition.carried(latents)
    torch.testing.assert_close(carried[:, :4, 1, 2], latents[:, :, 2:4, 4:6].mean((2, 3)))
    mirrored = carried.flip(-1)  # each token looks at the one across, so what it lays is the mirrored garment
    torch.testing.assert_close(composition(torch.zeros(2, 16, 6, 4), [carried], latents), latents)
    torch.testing.assert_close(composition(torch.zeros(2, 16, 6, 4), [mirrored], latents), latents.flip(-1))


@pytest.mark.parametrize("patch_size", [1, 2])
def test_tokens_are_patches_and_predictions_are_latents(patch_size):
    torch.manual_seed(0)
    model = StableVITONUNet(**TINY, patch_size=patch_size).eval()
    sample, time, context = torch.randn(1, 13, 16, 24), torch.tensor([10]), torch.randn(1, 1, 12)
    garment = torch.randn(1, 4, 16, 24)
    features = model.encode_garment(garment, context)
    assert features.values[0].shape[-2:] == (16 // patch_size, 24 // patch_size)
    with torch.no_grad():
        assert model(sample, time, context, features).shape == (1, 4, 16, 24)


def test_patches_are_refused_for_the_released_branch():
    with pytest.raises(ValueError, match="patch_size is 2: the released control branch"):
        StableVITONUNet(**TINY, patch_size=2, control_sees="person")


@pytest.mark.parametrize("control", ["garment", "person"])
def test_a_new_model_adds_the_composition_to_what_it_painted(inputs, control):
    sample, time, context, garment = inputs
    torch.manual_seed(0)
    model = StableVITONUNet(**TINY, carries_latents=True, control_sees=control).eval()
    assert len(model.composition.mix) == 2
    with torch.no_grad():
        made = model(sample, time, context, model.encode_garment(garment, context))
        other = model(sample, time, context, model.encode_garment(garment.flip(-1), context))
        painted = model.unet(sample, time, context)
    assert (made - painted).abs().max() > 0.05
    assert not torch.allclose(made, other)


def test_attention_hears_of_its_place_in_the_first_step(inputs):
    sample, time, context, garment = inputs
    for carries, learns in ((False, False), (True, True)):
        torch.manual_seed(0)
        model = StableVITONUNet(**TINY, carries_latents=carries)
        model(sample, time, context, model.encode_garment(garment, context)).square().mean().backward()
        gradient = model.warps[0].attn2.to_q.weight.grad
        assert bool(gradient.abs().max() > 0) == learns


def test_only_the_mean_teaches_attention_unless_asked():
    torch.manual_seed(0)
    composition, latents = Composition(16, 4, 1), torch.randn(2, 4, 6, 4)
    reads = composition.carried(torch.randn(2, 4, 6, 4)).requires_grad_()
    made, gradients = [], []
    for composition.sharp_teaches in (False, True):
        made.append(composition(torch.zeros(2, 16, 6, 4), [reads], latents))
        gradients.append(torch.autograd.grad(made[-1].square().sum(), reads)[0])
    assert torch.equal(*made)
    means, places = (torch.stack(gradients)[:, :, part] for part in (slice(4), slice(4, 6)))
    assert torch.equal(*means) and means.abs().max() > 0
    assert places[0].abs().max() == 0 and places[1].abs().max() > 0


def test_a_model_that_carries_survives_storing(inputs, tmp_path):
    sample, time, context, garment = inputs
    model = StableVITONUNet(**TINY, carries_latents=True).eval()
    model.save_pretrained(tmp_path)
    loaded = StableVITONUNet.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        ours, theirs = (m(sample, time, context, m.encode_garment(garment, context)) for m in (model, loaded))
    assert torch.equal(ours, theirs)


def test_half_precision_on_a_cpu_is_the_same_attention():
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 2, 48, 16), torch.randn(2, 2, 96, 16), torch.randn(2, 2, 96, 20)
    exact = attend(query, key, value, 0.25)
    half = attend(query.bfloat16(), key.bfloat16(), value.bfloat16(), 0.25)
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.03, rtol=0)
