from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from vtonlib.viz.wardrobe import Wardrobe

PERSONS, GARMENTS, SEEDS, H, W = 2, 3, 2, 16, 12


def plain(*shape: int, start: float = -0.9) -> torch.Tensor:
    """Pictures of one grey each, no two alike."""
    count = int(np.prod(shape))
    return torch.linspace(start, start + 0.8, count).view(*shape, 1, 1, 1).expand(*shape, 3, H, W)


def wardrobe(**options) -> Wardrobe:
    options = {"truth": plain(PERSONS, GARMENTS, start=0.0), "seeds": (0, 7)} | options
    return Wardrobe(plain(PERSONS), plain(GARMENTS, start=0.1), plain(PERSONS, GARMENTS, SEEDS), **options)


def sheet(figure: Wardrobe) -> np.ndarray:
    image = BeautifulSoup(figure.markup, "html.parser").find("img")
    file = io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))
    pixels = np.asarray(Image.open(file).convert("RGB"), dtype=float) / 127.5 - 1
    assert pixels.shape == (int(image["height"]), int(image["width"]), 3)
    return pixels


def test_the_sheet_holds_every_picture_in_its_place() -> None:
    pixels = sheet(wardrobe())
    assert pixels.shape[:2] == ((1 + PERSONS) * H, (1 + GARMENTS * (1 + SEEDS)) * W)

    def cell(row: int, column: int) -> float:
        return pixels[row * H + 4 : row * H + 12, column * W + 3 : column * W + 9].mean()

    painted, truth = plain(PERSONS, GARMENTS, SEEDS), plain(PERSONS, GARMENTS, start=0.0)
    assert cell(0, 0) == pytest.approx(1, abs=0.03)
    for p in range(PERSONS):
        assert cell(1 + p, 0) == pytest.approx(plain(PERSONS)[p].mean().item(), abs=0.03)
        for g in range(GARMENTS):
            first = 1 + g * (1 + SEEDS)
            assert cell(0, first) == pytest.approx(plain(GARMENTS, start=0.1)[g].mean().item(), abs=0.03)
            assert cell(1 + p, first) == pytest.approx(truth[p, g].mean().item(), abs=0.03)
            for s in range(SEEDS):
                assert cell(1 + p, first + 1 + s) == pytest.approx(painted[p, g, s].mean().item(), abs=0.03)


def test_the_page_knows_what_can_be_chosen() -> None:
    figure = wardrobe(caption="A <b> caption")
    page = BeautifulSoup(figure._repr_html_(), "html.parser")
    data = json.loads(page.find("script", type="application/json").string)
    assert data == {"persons": 2, "garments": 3, "seeds": [0, 7], "truth": True}
    assert page.figcaption.text == "A <b> caption" and page.find(id=True) is None
    assert sheet(wardrobe(truth=None)).shape[1] == (1 + GARMENTS * SEEDS) * W
    assert "http" not in figure._repr_html_() and repr(figure) == "Wardrobe(2 seeds)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": (0,)}, r"painted is \(2, 3, 2, 3, 16, 12\): expected \(2, 3, 1, 3, 16, 12\)"),
        ({"truth": plain(PERSONS, 1)}, r"truth is \(2, 1, 3, 16, 12\): expected \(2, 3, 3, 16, 12\)"),
        ({"budget": 1000}, "expected at most 1 kB: give fewer persons"),
    ],
)
def test_errors_say_what_is_expected(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wardrobe(**options)
