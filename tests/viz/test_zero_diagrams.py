from __future__ import annotations

import pytest

from vtonlib.viz.zero_diagrams import decoder_lattices, garment_networks, short_way, three_connections


def test_the_released_block_has_one_more_zero() -> None:
    assert three_connections().svg().count("= 0") == 4  # addition, Z twice, and the released P_out


def test_every_stage_is_drawn_and_blocks_are_numbered() -> None:
    picture = decoder_lattices([(16, 12)] * 2 + [(32, 24)], [(8, 6)])
    source = picture.svg()
    assert [source.count(f"{size}</text>") for size in ("8\u00d76", "16\u00d712", "32\u00d724")] == [1, 2, 1]
    assert all(f">{number}</text>" in source for number in range(3)) and ">3</text>" not in source
    assert "16 by 12, 32 by 24" in picture.alt


def test_no_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        decoder_lattices([], [(8, 6)])


def test_only_the_whole_unet_has_a_way_up_and_both_are_read_at_two_levels() -> None:
    source = garment_networks().svg()
    assert source.count('marker-end="url(#tip)"') == 4 + 9
    assert "D1 and D0" in garment_networks().alt


def test_latents_take_two_ways_into_one_sum() -> None:
    picture = short_way()
    assert all(word in picture.svg() for word in ("soft: A C", "sharp: C at A G", "mask m"))
    assert picture.svg().count("stroke-dasharray") == 1  # the map, which is no picture
