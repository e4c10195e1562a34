"""The diagrams of VITON-HD say of the networks what the networks say of themselves."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from vtonlib.models.alias import ALIASGenerator
from vtonlib.viz.alias_diagrams import ladder, residual_block, three_stages

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(TEXT)]


def test_the_ladder_has_the_rungs_of_both_generators() -> None:
    drawn = texts(ladder().svg())
    for model, smallest in ((ALIASGenerator.more(2), "16\u00d712"), (ALIASGenerator.most(2), "8\u00d76")):
        assert drawn.count(f"{smallest}\u20031024 → 1024\u2003Sdiv, M") == 1
        title = f"{len(model.blocks) - 1} doublings, multiples of {2 ** (len(model.blocks) - 1)}"
        assert any(title in text for text in drawn)
    assert sum(text.startswith("1024\u00d7768") for text in drawn) == 2 and drawn.count("Ia, P, W") == 7 + 8


def test_a_size_that_a_ladder_cannot_paint_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 128"):
        ladder(256, 192)


def test_block_and_stages_name_their_parts() -> None:
    block, stages = texts(residual_block().svg()), texts(three_stages().svg())
    assert block.count("ALIAS") == 3 and block.count("conv 3\u00d73") == 2 and block.count("conv 1\u00d71") == 1
    assert {"Sdiv", "Mmisalign", "try-on"} <= set(stages)
