"""A painter and its readers: the identity at the start, and what each may see."""

import pytest
import torch

from vtonlib.models.feature_addition import GarmentReader, LatticePainter


@pytest.fixture
def inputs():
    g = torch.Generator().manual_seed(0)
    return torch.randn(2, 7, 32, 24, generator=g), torch.randn(2, 3, 8, 6, generator=g)


@pytest.mark.parametrize("reads", ["addition", "attention"])
def test_a_new_reader_changes_nothing_bitwise(inputs, reads) -> None:
    painter = LatticePainter()
    assert torch.equal(painter(*inputs), painter(*inputs, GarmentReader(reads=reads)))


def awake(**options) -> GarmentReader:
    torch.manual_seed(0)
    reader = GarmentReader(**options)
    torch.nn.init.normal_(reader.connection.zero_conv.weight)
    return reader


def test_only_an_encoder_that_is_shown_the_person_hears_it(inputs) -> None:
    person, garment = inputs
    alone, told = awake(reads="addition"), awake(reads="addition", sees_person=True, self_attention=2)
    assert torch.equal(alone.encode(garment, person), alone.encode(garment, person.flip(0)))
    assert not torch.allclose(told.encode(garment, person), told.encode(garment, person.flip(0)))


def test_blind_keys_do_not_depend_on_the_garment(inputs) -> None:
    from vtonlib.attention import AttentionTap

    person, garment = inputs
    x = torch.randn(2, 32, 8, 6)
    for keys_see, blind in (("place", True), ("garment", False)):
        reader, keys = awake(keys_see=keys_see), []
        for shown in (garment, garment.flip(0)):
            with AttentionTap(reader, "connection.attn2.core") as tap:
                reader(x, shown, person)
            keys.append(tap["connection.attn2.core"].key)
        assert torch.equal(*keys) == blind


def test_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="reads='convolution'"):
        GarmentReader(reads="convolution")
