"""Pictures into and out of pipelines: PIL, numpy and tensors agree, and mistakes are named."""

import numpy as np
import pytest
import torch
from PIL import Image

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.images import to_uint8
from vtonlib.pipelines.pictures import InputWarning, TryOnOutput, looks_inverted, read_pictures, to_batch

CHANNELS = {"agnostic": 3, "agnostic_mask": 1, "garment": 3, "visible_groups": 7}
NAMES = ("agnostic", "agnostic_mask", "garment")


@pytest.fixture(scope="module")
def inputs():
    batch = World(DataConfig(height=32, width=24)).paired("test", torch.arange(2))
    return {name: getattr(batch, name) for name in NAMES}


def read(inputs, **others):
    return read_pictures({**inputs, **others}, CHANNELS)


def test_what_comes_out_goes_in_again_byte_for_byte(inputs):
    out = TryOnOutput(images=inputs["garment"])
    pictures = out.pil()
    assert [picture.size for picture in pictures] == [(24, 32)] * 2 and pictures[0].mode == "RGB"
    again = read(inputs, garment=pictures)["garment"]
    assert torch.equal(to_uint8(again), to_uint8(inputs["garment"]))
    assert [np.asarray(p).tobytes() for p in TryOnOutput(images=again).pil()] == [
        np.asarray(p).tobytes() for p in pictures
    ]
    array = out.numpy()
    assert array.shape == (2, 32, 24, 3) and array.min() >= 0 and array.max() <= 1
    torch.testing.assert_close(read(inputs, garment=array)["garment"], inputs["garment"], atol=1e-6, rtol=0)
    assert torch.equal(read(inputs, garment=np.stack(pictures))["garment"], again), "bytes"


def test_masks_come_in_the_same_ways(inputs):
    mask = inputs["agnostic_mask"]
    as_bytes = (mask * 255).to(torch.uint8).numpy()
    others = [as_bytes[:, 0], as_bytes[:, 0, :, :, None], mask[:, 0].numpy(), mask.bool(), mask.long()]
    others += [[Image.fromarray(one[0]) for one in as_bytes]]
    for other in others:
        assert torch.equal(read(inputs, agnostic_mask=other)["agnostic_mask"], mask)


def test_one_picture_is_a_batch_of_one(inputs):
    one = {name: tensor[0] for name, tensor in inputs.items()}
    expected = {name: tensor[:1] for name, tensor in inputs.items()}
    singles = {
        "garment": TryOnOutput(images=expected["garment"]).pil()[0],
        "agnostic": TryOnOutput(images=expected["agnostic"]).numpy()[0],
        "agnostic_mask": one["agnostic_mask"][0],
    }
    for given in (one, singles):
        for name, tensor in read(given).items():
            torch.testing.assert_close(tensor, expected[name], atol=1 / 127, rtol=0)


@pytest.mark.parametrize(
    ("name", "picture", "message"),
    [
        ("garment", "a.png", "garment is str: expected a tensor, a numpy array, a PIL image or a list"),
        ("garment", [], "garment is list: expected a tensor"),
        ("garment", [Image.new("RGB", (24, 32)), Image.new("RGB", (32, 24))], r"\[\(24, 32\), \(32, 24\)\]: expected"),
        ("garment", [Image.new("RGB", (24, 32))], r"garment is \(1, 3, 32, 24\): expected \(2, 3, 32, 24\)"),
        ("garment", np.zeros((2, 3, 4, 5, 3), np.uint8), r"shape \(2, 3, 4, 5, 3\): expected \[h w 3\] or \[b h w 3\]"),
        ("garment", np.full((2, 32, 24, 3), -1.0), "garment, a numpy array, has values from -1 to -1: expected 0 to 1"),
        ("garment", torch.zeros(2, 3, 32, 24, dtype=torch.uint8), r"tensor of torch.uint8: expected floating point in"),
        ("garment", torch.full((2, 3, 32, 24), 255.0), "garment has values from 255 to 255: expected -1 to 1"),
        ("garment", torch.full((2, 3, 32, 24), torch.nan), "garment contains NaN or infinity"),
        ("agnostic_mask", torch.full((2, 1, 32, 24), torch.inf), "agnostic_mask contains NaN or infinity"),
        ("agnostic_mask", torch.full((2, 1, 32, 24), 255), "agnostic_mask has values from 255 to 255"),
        ("agnostic_mask", torch.zeros(2, 3, 32, 24), r"agnostic_mask is \(2, 3, 32, 24\): expected \(2, 1, 32, 24\)"),
        ("visible_groups", Image.new("L", (24, 32)), "visible_groups is a PIL image: expected a tensor of 7 channels"),
    ],
)
def test_what_cannot_be_used_is_named(inputs, name, picture, message):
    with pytest.raises(ValueError, match=message):
        read(inputs, **{name: picture})


def test_what_looks_like_a_mistake_is_warned_of_and_named_by_sample(inputs):
    mask = inputs["agnostic_mask"]
    with pytest.warns(InputWarning, match=r"garment \(sample 1\) has the same colour everywhere"):
        read(inputs, garment=torch.stack((inputs["garment"][0], torch.ones(3, 32, 24))))
    with pytest.warns(InputWarning, match=r"agnostic_mask \(sample 0\) is empty \(1 = paint\): nothing is painted"):
        read(inputs, agnostic_mask=torch.stack((torch.zeros_like(mask[0]), mask[1])))
    with pytest.warns(InputWarning, match=r"agnostic_mask \(sample 0, 1\) looks inverted: 1 = paint, 0 = keep"):
        read(inputs, agnostic_mask=1 - mask)


def test_pictures_from_0_to_1_are_warned_of(inputs):
    scaled = {name: (inputs[name] + 1) / 2 for name in ("garment", "agnostic")}
    with pytest.warns(InputWarning, match=r"garment, agnostic hold no negative number: expected images in"):
        read(inputs, **scaled)
    read(inputs, garment=scaled["garment"])  # one bright picture is no mistake


def test_inverted_masks_are_told_from_right_ones(inputs):
    """By grey, by place, and never for a mask of everything or of nothing."""
    batch = World(DataConfig(height=32, width=24)).paired("train", torch.arange(32))
    mask, agnostic = batch.agnostic_mask, batch.agnostic
    assert not looks_inverted(mask, agnostic).any()
    assert looks_inverted(1 - mask, agnostic).all()
    assert not looks_inverted(torch.ones_like(mask), torch.zeros_like(agnostic)).any()
    assert not looks_inverted(torch.zeros_like(mask), batch.person).any()
    box = torch.zeros(1, 1, 32, 24)
    box[..., 8:24, 6:18] = 1
    assert looks_inverted(1 - box, torch.ones(1, 3, 32, 24)).all() and not looks_inverted(box, torch.ones(1, 3, 32, 24))


def test_a_tensor_keeps_its_precision(inputs):
    assert to_batch("garment", inputs["garment"].double(), 3).dtype == torch.float64
