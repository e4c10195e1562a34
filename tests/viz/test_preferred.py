from __future__ import annotations

import json
import re

import pytest
import torch

from vtonlib.viz.preferred import Preference, PreferredExplorer

PICTURES = {name: torch.zeros(2, 3, 4, 3) for name in ("truth", "a", "b")}
MEASURES = {"m": Preference({"a": torch.tensor([0.25, 0.75]), "b": 1.0}, higher=True, digits=2)}


def test_the_page_holds_every_value_and_a_table_of_means() -> None:
    figure = PreferredExplorer(PICTURES, MEASURES, [("a", "b", 1)])
    data = json.loads(re.search(r"<script[^>]*>(.*?)</script>", figure.markup, re.S)[1])  # type: ignore[index]
    assert data["measures"][0]["values"] == [[0.25, 0.75], [1.0, 1.0]]
    assert data["pairs"] == [[1, 2, 1]] and data["names"][0] == "truth"
    assert "<td>0.50</td>" in figure.markup and "<img" in figure.markup


@pytest.mark.parametrize("pair", [("truth", "a", 0), ("a", "c", 0), ("a", "b", 2)])
def test_pairs_must_be_of_pictures_that_are_there(pair) -> None:
    with pytest.raises(ValueError, match="expected two of a, b, of 2"):
        PreferredExplorer(PICTURES, MEASURES, [pair])


def test_every_measure_knows_every_picture() -> None:
    with pytest.raises(ValueError, match="'m' has no value for 'b'"):
        PreferredExplorer(PICTURES, {"m": Preference({"a": 1.0}, higher=True)}, [])
