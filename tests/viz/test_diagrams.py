"""Diagrams are valid SVG, say what they show, and lead their arrows from edge to edge."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from vtonlib.viz.diagrams import Box, Diagram
from vtonlib.viz.notebook import DATA_MIME

SVG = "{http://www.w3.org/2000/svg}"


def small() -> Diagram:
    d = Diagram(300, 80, alt="x < y goes to S.")
    x, s = d.row(40, ("x < y", "S_{div}^2"), kinds=("data", "label"))
    d.arrow(x, s, text="norm")
    return d


def test_it_is_well_formed_and_says_what_it_shows() -> None:
    root = ET.fromstring(small().svg())
    assert root.attrib["width"] == "300" and root.attrib["role"] == "img"
    title = root.find(f"{SVG}title")
    assert title is not None and title.text == "x < y goes to S."
    assert ["".join(text.itertext()) for text in root.iter(f"{SVG}text")] == ["x < y", "Sdiv2", "norm"]


def test_an_index_stands_lower_and_smaller_and_the_line_goes_on_where_it_was() -> None:
    d = Diagram(100, 40, alt="A formula.")
    d.label(50, 20, "a_b + c")
    text = next(ET.fromstring(d.svg()).iter(f"{SVG}text"))
    index, rest = text
    assert (text.text, index.text, rest.text) == ("a", "b", " + c")
    down, small_part = float(index.attrib["dy"][:-2]), float(index.attrib["font-size"][:-1]) / 100
    assert down * small_part + float(rest.attrib["dy"][:-2]) == pytest.approx(0, abs=0.01)


def test_arrows_lead_from_edge_to_edge_also_around_corners() -> None:
    d = Diagram(200, 200, alt="Two boxes.")
    a, b = d.box(40, 40, width=40, height=20), d.box(160, 160, width=40, height=20)
    d.arrow(a, b)
    d.arrow(a, b, via=[(160, 40)])
    paths = [path.attrib["d"] for path in ET.fromstring(d.svg()).findall(f"{SVG}path")]
    assert paths == ["M50 50 L150 150", "M60 40 L160 40 L160 150"]


def test_an_edge_lies_on_the_box() -> None:
    box = Box(10, 20, 40, 20)
    assert box.edge((110, 20)) == (30, 20) and box.edge((10, -50)) == (10, 10) and box.edge((10, 20)) == (10, 20)


def test_it_is_shown_with_alternative_text_and_the_digest_of_its_places() -> None:
    bundle = small()._repr_mimebundle_()
    assert bundle["image/svg+xml"] == small().svg() and bundle["text/plain"] == "figure: x < y goes to S."
    moved = Diagram(300, 80, alt="x < y goes to S.")
    moved.row(44, ("x < y", "S"))
    data, other = bundle[DATA_MIME], moved._repr_mimebundle_()[DATA_MIME]
    assert data["alt"] == "x < y goes to S." and data["arrays"] != other["arrays"]


def test_without_an_alternative_text_it_is_refused() -> None:
    with pytest.raises(ValueError, match="alternative text"):
        Diagram(10, 10, alt=" ")
