"""Leffa's two UNets: joined attention is what it says, blind is blind, and nothing is computed for nothing."""

import pytest
import torch

from vtonlib.attention import AttentionTap, Grid, expected_coordinates
from vtonlib.losses.flow import leffa_flow
from vtonlib.models.conditions import INPUT_CHANNELS, Conditions, denoiser_inputs
from vtonlib.models.joined import joined_attention
from vtonlib.models.leffa import LeffaUNet

SHAPE = {
    "in_channels": 13,
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "attention_levels": (True, False),
    "num_attention_heads": 2,
    "norm_num_groups": 8,
}
OPTIONS = {
    "plain": {},
    "released": {"text_attention": "released"},
    "patches that carry": {"carries_latents": True, "patch_size": 2, "places_reference": True},
    "by level": {"transformer_layers_per_block": (1, 2), "num_attention_heads": (1, 4), "use_linear_projection": True},
}


def model(**changes):
    torch.manual_seed(0)
    return LeffaUNet(**{**SHAPE, **changes}).eval()


def inputs(size=(16, 12)):
    generator = torch.Generator().manual_seed(1)
    sample, reference = torch.randn(2, 17, *size, generator=generator).split((13, 4), dim=1)
    return sample, reference, torch.tensor([7, 700])


def paint(net, sample, reference, time, **shown):
    return net(sample, time, net.encode_reference(reference, time, **shown))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_painting_hears_of_the_reference_and_trains_both_networks(options):
    net = model(**options)
    sample, reference, time = inputs()
    out = paint(net, sample, reference, time)
    assert out.shape == (2, 4, 16, 12)
    assert (out - paint(net, sample, reference.flip(-1), time)).abs().max() > 1e-4
    out.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and (".norm" in name or parameter.grad.abs().max() > 0), name


@pytest.mark.equation("eq-joined-attention")
def test_joined_attention_equals_the_official_way_of_asking_for_both_halves():
    """The released code concatenates tokens, attends from all to all, and keeps the first half; float64."""
    net = model().double()
    sample, reference, time = (x.double() if x.is_floating_point() else x for x in inputs())
    seen = {}
    block = net.unet.down_blocks[0].attentions[0].transformer_blocks[0]
    block.attn1.register_forward_hook(
        lambda module, given, named, out: seen.update(tokens=given[0], out=out), with_kwargs=True
    )
    features = net.encode_reference(reference, time)
    net(sample, time, features)
    attn, joined = block.attn1, (seen["tokens"], features.values[0])
    both = torch.cat(joined, dim=1)
    q, k, v = (p(both).unflatten(-1, (2, -1)).transpose(1, 2) for p in (attn.to_q, attn.to_k, attn.to_v))
    answers = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
    expected = attn.to_out[0](answers.transpose(1, 2).flatten(2))[:, : seen["tokens"].shape[1]]
    alone, carried = joined_attention(attn, joined[0], joined, joined, (features.grids[0],) * 2)
    assert carried is None
    for found in (seen["out"], alone):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_every_self_attention_is_tapped_with_both_lattices():
    net = model()
    sample, reference, time = inputs()
    with AttentionTap(net, "unet.*.attn1.core") as tap:
        paint(net, sample, reference, time)
    assert len(tap) == 4  # encoder, middle, decoder twice
    assert {record.key_grids for record in tap.values()} == {(Grid(16, 12),) * 2, (Grid(8, 6),) * 2}
    assert leffa_flow(next(iter(tap.values()))).shape == (2, 16, 12, 2)


def test_a_reference_may_have_another_size():
    net = model()
    sample, _, time = inputs()
    with AttentionTap(net, "unet.*.attn1.core") as tap:
        paint(net, sample, torch.randn(2, 4, 8, 20), time)
    assert (Grid(16, 12), Grid(8, 20)) in {record.key_grids for record in tap.values()}


def test_what_is_carried_is_read_by_the_attention_itself():
    net = model(carries_latents=True, num_attention_heads=1)
    sample, reference, time = inputs()
    features = net.encode_reference(reference, time)
    reads = {}
    net.composition.register_forward_pre_hook(lambda module, given: reads.update(reads=given[1]))
    with AttentionTap(net, "unet.up_blocks.1.*.attn1.core") as tap:
        net(sample, time, features)
    assert len(reads["reads"]) == len(tap) == 2
    for read, record in zip(reads["reads"], tap.values(), strict=True):
        part = record.per_key_grid()[-1]
        torch.testing.assert_close(read[:, 4:].movedim(1, -1), expected_coordinates(part), rtol=1e-4, atol=1e-4)
        latents = part.read(reference.flatten(2).mT[:, None]).mean(1).mT.unflatten(2, (16, 12))
        torch.testing.assert_close(read[:, :4], latents, rtol=1e-4, atol=1e-4)


def test_blind_keys_see_no_pixel_and_values_do():
    net = model(keys_see="place")
    _, reference, time = inputs()
    one, other = (net.encode_reference(r, time) for r in (reference, reference.flip(-1)))
    for a, b in zip(one.keys, other.keys, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert all((a - b).abs().max() > 1e-3 for a, b in zip(one.values, other.values, strict=True))


def test_keys_can_be_shown_another_reference():
    net = model()
    _, reference, time = inputs()
    own, shown = net.encode_reference(reference, time), net.encode_reference(reference, time, shown=reference.flip(-1))
    assert torch.equal(own.values[0], shown.values[0]) and not torch.equal(own.keys[0], shown.keys[0])


def test_released_blocks_add_their_second_norm():
    """h + LN2(h) in place of cross-attention, without a weight of the attention itself."""
    net = model(text_attention="released")
    assert not [name for name in net.state_dict() if ".attn2." in name]
    assert [name for name in net.state_dict() if ".norm2." in name and ".transformer_blocks." in name]
    assert not [name for name in model().state_dict() if ".norm2." in name and ".transformer_blocks." in name]
    block, seen = net.unet.mid_block.attentions[0].transformer_blocks[0], {}
    block.norm2.register_forward_hook(lambda module, given, out: seen.update(h=given[0], normed=out))
    block.norm3.register_forward_hook(lambda module, given, out: seen.update(after=given[0]))
    sample, reference, time = inputs()
    paint(net, sample, reference, time)
    torch.testing.assert_close(seen["after"], seen["h"] + seen["normed"])


def test_a_loss_on_records_trains_the_reference_network_too():
    net = model()
    sample, reference, time = inputs()
    with AttentionTap(net, "unet.mid_block.*.attn1.core") as tap:
        paint(net, sample, reference, time)
    leffa_flow(next(iter(tap.values()))).square().sum().backward()
    assert net.reference_unet.conv_in.weight.grad.abs().max() > 0


@pytest.mark.parametrize("options", [{}, OPTIONS["patches that carry"], OPTIONS["by level"]])
def test_weights_and_settings_survive_saving(tmp_path, options):
    net = model(**options)
    net.save_pretrained(tmp_path)
    again = LeffaUNet.from_pretrained(tmp_path).eval()
    sample, reference, time = inputs()
    torch.testing.assert_close(paint(again, sample, reference, time), paint(net, sample, reference, time))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_attention": "kept"}, "text_attention is 'kept'"),
        ({"keys_see": "nothing"}, "keys_see is 'nothing'"),
        ({"attention_levels": (False, True), "carries_latents": True}, r"attention_levels\[0\] is False"),
        ({"num_attention_heads": (1, 2, 4)}, "2 levels, but num_attention_heads has 3"),
    ],
)
def test_impossible_options_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        model(**change)


def test_a_size_that_does_not_divide_is_refused():
    sample, reference, time = inputs((15, 12))
    with pytest.raises(ValueError, match="latents are 15x12: height and width must be multiples of 2"):
        paint(model(), sample, reference, time)


def test_orders_of_input_channels():
    noisy, conditions = (
        torch.full((1, 4, 4, 4), 9.0),
        Conditions(*(torch.full((1, c, 4, 4), v) for c, v in ((4, 1.0), (1, 0.25), (4, 2.0), (4, 3.0)))),
    )
    pixels = torch.arange(64.0).view(1, 1, 8, 8).expand(1, 3, -1, -1)
    found = {order: denoiser_inputs(order, noisy, conditions, pixels) for order in INPUT_CHANNELS}
    assert {order: x.shape[1] for order, x in found.items()} == INPUT_CHANNELS
    first = {order: x[0, :, 0, 0].tolist() for order, x in found.items()}
    assert first["stable_viton"] == [9.0] * 4 + [1.0] * 4 + [0.25] + [2.0] * 4
    assert first["leffa"] == [9.0] * 4 + [1.0] * 4 + [0.75]
    assert first["leffa_pose"] == [9.0] * 4 + [2.0] * 4
    assert first["leffa_released"] == [9.0] * 4 + [0.75] + [1.0] * 4 + [0.0] * 3
    with pytest.raises(ValueError, match="order is 'other'"):
        denoiser_inputs("other", noisy, conditions)
    with pytest.raises(ValueError, match="dense_pose is missing"):
        denoiser_inputs("leffa_released", noisy, conditions)
