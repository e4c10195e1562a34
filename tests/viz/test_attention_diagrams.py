"""The diagram of StableVITON says of the network what the network says of itself."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import torch

from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.viz.attention_diagrams import PERSON_INPUTS, stable_viton_flow

TEXT = "{http://www.w3.org/2000/svg}text"


def test_the_inputs_are_the_channels_of_the_denoiser() -> None:
    with torch.device("meta"):
        model = StableVITONUNet()
    assert sum(channels for _, channels in PERSON_INPUTS) == model.unet.config.in_channels
    # three resolutions with zero cross-attention, as drawn; the deepest level has none
    assert len({model.unet.config.block_out_channels[i] for i in range(3)}) == 3 and len(model.warps) == 9
    texts = [text.text for text in ET.fromstring(stable_viton_flow().svg()).iter(TEXT)]
    assert texts.count("cross-att.") == 3 and {"middle", "garment encoder"} <= set(texts)
