"""Diagrams of normalizations: the shaded cells are those over which the library's functions take statistics."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vtonlib.models.normalization import group_standardize, standardize
from vtonlib.viz.diagrams import FILLS, Diagram
from vtonlib.viz.norm_diagrams import SETS, set_cubes, spade, spade_block, style_start

NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "batch": lambda x: standardize(x, (0, 2, 3)),
    "layer": lambda x: standardize(x, (1, 2, 3)),
    "group": lambda x: group_standardize(x, 2),
    "instance": lambda x: standardize(x, (2, 3)),
}


@pytest.mark.parametrize("draw", [set_cubes, spade, spade_block, style_start])
def test_diagrams_are_well_formed_say_what_they_show_and_stay_inside(draw: Callable[[], Diagram]) -> None:
    d = draw()
    root = ET.fromstring(d.svg())
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None and title.text == d.alt and len(d.alt) > 60
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 < float(text.attrib["x"]) < d.width and 0 < float(text.attrib["y"]) < d.height


def test_spades_block_names_its_parts() -> None:
    root = ET.fromstring(spade_block().svg())
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    parts = {"SPADE": 3, "conv 3\u00d73": 2, "conv 1\u00d71": 1, "LReLU": 2, "label map": 2}
    assert {name: texts.count(name) for name in parts} == parts


@pytest.mark.parametrize("name", list(NORMS))
def test_the_shaded_set_is_the_one_that_a_number_reacts_to(name: str) -> None:
    x = torch.randn(4, 4, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    NORMS[name](x)[0, 3, 0, 0].backward()
    heard = x.grad.abs().amax((2, 3)) > 0
    shaded = torch.zeros(4, 4, dtype=torch.bool)
    samples, channels = SETS[name]
    shaded[samples.start : samples.stop, channels.start : channels.stop] = True
    assert torch.equal(heard, shaded)


def test_each_cube_shades_the_faces_of_its_set() -> None:
    svg = set_cubes().svg()
    # batch: 4 front, 4 top and 16 right; layer: 16, 4 and 4; group: 8, 2 and 4; instance: 4, 1 and 4
    assert svg.count(f'fill="{FILLS["chosen"]}"') == 24 + 24 + 14 + 9
