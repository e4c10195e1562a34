"""Of the theme's icons only those are sent that a page names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.book import light

BARS, RAY = 'bars:[448,512,["navicon"],"f0c9","M0 9z"]', '"x-ray":[512,512,[],"f497",["M1","M2"]]'
SCRIPT = f'var p={{{BARS},{RAY},sun:[5,5,[],"f1","M3"]}};go(p)'


def test_icons_are_kept_by_name_and_by_other_names() -> None:
    assert light.named(['<i class="fa-solid fa-navicon">', "a.className='fa-sun'"]) == {"solid", "navicon", "sun"}
    assert light.with_icons(SCRIPT, {"sun"}) == 'var p={sun:[5,5,[],"f1","M3"]};go(p)'
    assert '"x-ray"' in light.with_icons(SCRIPT, {"x-ray"})
    assert light.with_icons(SCRIPT, {"navicon"}).startswith('var p={bars:[448,512,["navicon"],"f0c9","M0 9z"],}')


def test_another_form_of_the_script_is_refused() -> None:
    with pytest.raises(ValueError, match="its form has changed"):
        light.with_icons("var p=new Map()", {"sun"})


def test_large_pictures_become_webp_to_the_bit(tmp_path: Path) -> None:
    (tmp_path / "_images").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (200, 250, 4), dtype=np.uint8)
    pictures = {"large": noise, "small": noise[:20, :20]}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / "_images" / f"{name}.png")
    page = tmp_path / "page.html"
    page.write_text('<img src="_images/large.png"><a href="_images/large.png">p</a><img src="_images/small.png">')
    for _ in range(2):  # a second build finds nothing left to do
        light.lighten_pictures(tmp_path)
        assert page.read_text().count("large.webp") == 2 and page.read_text().count(".png") == 1
    assert {f.name for f in (tmp_path / "_images").iterdir()} == {"large.webp", "small.png"}
    with Image.open(tmp_path / "_images" / "large.webp") as image:
        shown = noise[..., 3] > 0  # of what is transparent no colour is kept
        assert np.array_equal(np.array(image)[shown], noise[shown])
