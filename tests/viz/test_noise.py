from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from vtonlib.viz.noise import NoiseExplorer

PERSONS, LEVELS, H, W = 2, (999, 600, 200), 16, 12


def plain(*shape: int, start: float = -0.9) -> torch.Tensor:
    """Pictures of one grey each, no two alike."""
    count = int(np.prod(shape))
    return torch.linspace(start, start + 0.8, count).view(*shape, 1, 1, 1).expand(*shape, 3, H, W)


def explorer(**options) -> NoiseExplorer:
    k = len(LEVELS)
    parts = {
        "persons": plain(PERSONS),
        "given": plain(PERSONS, start=0.1),
        "noisy": plain(k, PERSONS),
        "guessed": plain(k, PERSONS, start=0.0),
        "follows": torch.tensor([[1, 1], [1, 0], [0, 0]]).bool(),
        "levels": LEVELS,
    }
    return NoiseExplorer(**(parts | options))


def test_the_sheet_holds_every_picture_in_its_place() -> None:
    image = BeautifulSoup(explorer().markup, "html.parser").find("img")
    file = io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))
    pixels = np.asarray(Image.open(file).convert("RGB"), dtype=float) / 127.5 - 1
    assert pixels.shape[:2] == (PERSONS * H, (2 + 2 * len(LEVELS)) * W)

    def cell(row: int, column: int) -> float:
        return pixels[row * H + 4 : row * H + 12, column * W + 3 : column * W + 9].mean()

    for p in range(PERSONS):
        assert cell(p, 0) == pytest.approx(plain(PERSONS)[p].mean().item(), abs=0.03)
        assert cell(p, 1) == pytest.approx(plain(PERSONS, start=0.1)[p].mean().item(), abs=0.03)
        for k in range(len(LEVELS)):
            assert cell(p, 2 + 2 * k) == pytest.approx(plain(3, PERSONS)[k, p].mean().item(), abs=0.03)
            assert cell(p, 3 + 2 * k) == pytest.approx(plain(3, PERSONS, start=0.0)[k, p].mean().item(), abs=0.03)


def test_the_page_knows_the_answers_and_says_them_in_a_table() -> None:
    page = BeautifulSoup(explorer(caption="A <b> caption")._repr_html_(), "html.parser")
    data = json.loads(page.find("script", type="application/json").string)
    assert data == {"persons": 2, "levels": list(LEVELS), "follows": [[1, 1], [1, 0], [0, 0]]}
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.table.tbody.find_all("tr")]
    assert rows == [["999", "100 %"], ["600", "50 %"], ["200", "0 %"]]
    assert page.figcaption.text == "A <b> caption" and page.find(id=True) is None
    assert "http" not in explorer()._repr_html_() and repr(explorer()) == "NoiseExplorer(3 levels)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"given": plain(3)}, r"given is \(3, 3, 16, 12\): expected \(2, 3, 16, 12\)"),
        ({"noisy": plain(2, PERSONS)}, r"noisy is \(2, 2, 3, 16, 12\): expected \(3, 2, 3, 16, 12\)"),
        ({"follows": torch.zeros(2, 3).bool()}, r"follows is \(2, 3\): expected \(3, 2\)"),
        ({"budget": 1000}, "expected at most 1 kB: give fewer persons"),
    ],
)
def test_errors_say_what_is_expected(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explorer(**options)
