"""Of the theme's icons only those are sent that a page names."""

from __future__ import annotations

import pytest

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
