"""The explorer of descents: what the page holds is what was computed."""

from __future__ import annotations

import base64
import json
import warnings

import pytest
import torch
from bs4 import BeautifulSoup

from vtonlib.attention import Grid, expected_coordinates
from vtonlib.attention.descent import Descent, descend
from vtonlib.attention.zoo import attention_zoo
from vtonlib.grids import coordinate_grid
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.viz.descent import REACH, DescentExplorer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what ipywidgets itself imports
    from vtonlib.viz.live import LiveFigure

GRID = Grid(4, 3)
TRUTH, MASK = coordinate_grid(*GRID), torch.tensor([[[1.0, 1, 0], [1, 1, 1], [1, 1, 1], [0, 1, 1]]])
PICTURES = torch.linspace(-1, 1, 3 * 8 * 6).view(3, 8, 6)


def descents(rate: float = 1.0, steps: tuple[int, ...] = (0, 2, 4)) -> dict[tuple[str, str], Descent]:
    zoo, mask = attention_zoo(TRUTH[None]), MASK[None]
    losses = {
        "variation": lambda r: attention_total_variation(r, mask),
        "entropy": lambda r: attention_entropy(r, mask),
    }
    return {
        (start, mixture): descend(zoo[start], losses, {mixture: 1.0}, steps=steps, rate=rate)
        for start in ("blurred", "flip")
        for mixture in losses
    }


def explorer(**options) -> DescentExplorer:
    return DescentExplorer(descents(**options), PICTURES, PICTURES.flip(0), TRUTH, MASK, caption="Guess.")


def test_centres_colours_and_numbers_are_those_of_the_maps() -> None:
    found = explorer()
    page = BeautifulSoup(found.markup, "html.parser")
    data = json.loads(page.find("script").string)
    assert data["starts"] == ["blurred", "flip"] and data["mixtures"] == ["variation", "entropy"]
    frame, descent = data["frames"]["blurred|variation"], descents()["blurred", "variation"]
    codes = torch.frombuffer(bytearray(base64.b64decode(frame["centres"])), dtype=torch.uint8).view(3, 10, 2)
    centres = torch.stack([expected_coordinates(r)[0][MASK[0] > 0] for r in descent.records])
    torch.testing.assert_close((codes / 127.5 - 1) * REACH, centres, atol=REACH / 250, rtol=0)
    assert frame["values"]["variation"] == pytest.approx(descent.values["variation"], abs=1e-3)
    assert frame["values"]["error"][0] == pytest.approx(found.errors["blurred", "variation"][0], abs=1e-3)
    colours = torch.frombuffer(bytearray(base64.b64decode(frame["colours"])), dtype=torch.uint8)
    assert len(colours) == 3 * 10 * 3 and len(data["patches"]) == 10
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find("tbody").find_all("tr")]
    assert len(rows) == 4 and rows[0][:2] == ["blurred", "variation"] and " to " in rows[0][2]


def test_what_does_not_fit_is_refused() -> None:
    some = descents()
    given = (PICTURES, PICTURES, TRUTH, MASK)
    with pytest.raises(ValueError, match=r"missing: \['flip, entropy'\]"):
        DescentExplorer({key: each for key, each in some.items() if key != ("flip", "entropy")}, *given)
    with pytest.raises(ValueError, match="missing: all"):
        DescentExplorer({}, *given)
    with pytest.raises(ValueError, match="different steps"):
        DescentExplorer(some | {("flip", "entropy"): descents(steps=(0, 3))["flip", "entropy"]}, *given)
    with pytest.raises(ValueError, match=r"lattices \[\(4, 3\)\]: expected \(3, 3\)"):
        DescentExplorer(some, PICTURES, PICTURES, TRUTH[:3], MASK[:, :3])
    with pytest.raises(ValueError, match="give fewer starts"):
        DescentExplorer(some, *given, budget=100)


def test_it_computes_anew_in_a_live_notebook() -> None:
    live = LiveFigure(explorer, rate=(0.0, 2.0))
    before = live.view.markup
    live.controls.children[0].value = 2.0
    assert live.view.markup != before
