"""What reads the garment alone: an encoder, or a whole UNet whose fine maps know how the garment lies."""

import pytest
import torch

from vtonlib.models.garment_encoder import GarmentEncoder, GarmentUNet, placed
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.models.unet import UNet

TINY = {
    "block_out_channels": (16, 32, 48),
    "layers_per_block": 1,
    "attention_levels": (False, True, True),
    "num_attention_heads": 4,
    "cross_attention_dim": 12,
    "norm_num_groups": 8,
}


def model_of(**options):
    torch.manual_seed(0)
    return StableVITONUNet(**TINY, **options)


def reached(network, context, size=32):
    """Whether the finest map's value in one corner hears of the opposite corner of the garment."""
    garment = torch.randn(1, 4, size, size, requires_grad=True)
    network(garment, context)[0][..., 0, 0].sum().backward()
    return bool(garment.grad[..., -1, -1].any())


def test_only_the_whole_unet_hears_of_the_far_corner():
    torch.manual_seed(0)
    unet, context = UNet(**{**TINY, "attention_levels": (False, False, False)}), torch.randn(1, 1, 12)
    assert not reached(GarmentEncoder.from_unet(unet), context)
    assert reached(GarmentUNet.from_unet(unet), context)


@pytest.mark.parametrize("network", ["encoder", "unet"])
def test_the_maps_have_the_blocks_lattices_and_the_widths_that_are_told(network):
    model = model_of(garment_network=network)
    maps = model.encode_garment(torch.randn(2, 4, 16, 8), torch.randn(2, 1, 12)).values
    lattices = [(16, 8), (16, 8), (8, 4), (8, 4)]
    assert [tuple(m.shape[-2:]) for m in maps] == lattices
    assert tuple(m.shape[1] for m in maps) == model.garment_encoder.map_channels[: len(maps)]


def test_the_maps_are_the_decoders_features_after_each_skip():
    torch.manual_seed(0)
    network, context = GarmentUNet.from_unet(UNet(**TINY)).eval(), torch.randn(1, 1, 12)
    whole = UNet(**TINY | {"in_channels": network.config.in_channels}).eval()
    weights = network.state_dict()
    whole.load_state_dict(weights, strict=False)
    garment = torch.randn(1, 4, 16, 8)
    features = whole.encode(placed(garment), torch.zeros(1, dtype=torch.long), context)
    last = []
    whole.conv_norm_out.register_forward_hook(lambda module, arguments, output: last.append(arguments[0]))
    with torch.no_grad():
        whole.decode(features, context)
        torch.testing.assert_close(network(garment, context)[0], last[0])


def test_every_parameter_of_the_unet_is_alive():
    model = model_of(garment_network="unet")
    torch.nn.init.normal_(model.warps[0].zero_conv.weight)
    for block in model.warps:
        torch.nn.init.normal_(block.zero_conv.weight)
    sample, garment = torch.randn(2, 13, 16, 8), torch.randn(2, 4, 16, 8)
    context = torch.randn(2, 1, 12)
    model(sample, torch.tensor([10, 999]), context, model.encode_garment(garment, context)).square().mean().backward()
    dead = {n for n, p in model.garment_encoder.named_parameters() if p.grad is None or not p.grad.any()}
    one_token = {n for n in dead if ".attn2.to_q." in n or ".attn2.to_k." in n or ".norm2." in n}
    assert dead == one_token  # attention to one token needs no query


def test_it_begins_with_the_denoisers_weights():
    model = model_of(garment_network="unet")
    theirs = model.unet.state_dict()
    for name, weight in model.garment_encoder.state_dict().items():
        assert torch.equal(weight, theirs[name]) or name.startswith("conv_in")


def test_the_networks_within_know_their_own_arguments():
    """diffusers records what an ``__init__`` names; UNetTrunk names nothing and passes it on."""
    network = GarmentUNet.from_unet(UNet(**TINY), in_channels=7)
    known = {name: value for name, value in network.config.items() if not name.startswith("_")}
    ours = {"in_channels": 7, "transformer_layers_per_block": 1, "use_linear_projection": False}
    assert known == TINY | ours and network.conv_in.in_channels == 7
    with pytest.raises(TypeError, match="widths"):
        GarmentUNet(widths=(8, 16))


def test_it_survives_storing(tmp_path):
    model = model_of(garment_network="unet").eval()
    model.save_pretrained(tmp_path)
    loaded = StableVITONUNet.from_pretrained(tmp_path).eval()
    garment, context = torch.randn(1, 4, 16, 8), torch.randn(1, 1, 12)
    with torch.no_grad():
        for ours, theirs in zip(*(m.encode_garment(garment, context).values for m in (model, loaded)), strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"garment_network": "resnet"}, "garment_network is 'resnet', expected 'encoder' or 'unet'"),
        ({"garment_network": "unet", "control_sees": "person"}, "the released control branch is an 'encoder'"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model_of(**options)
