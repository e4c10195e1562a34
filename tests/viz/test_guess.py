"""The explorer of causes: every picture in its place, answers that fit, and what is refused."""

from __future__ import annotations

import json

import pytest
import torch
from bs4 import BeautifulSoup

from vtonlib.viz.guess import GuessExplorer

PICTURES = torch.linspace(-0.9, 0.9, 3)[:, None, None, None].expand(3, 3, 16, 12)


def explorer(**options) -> GuessExplorer:
    options = {"question": "Why?", "caption": "Guess."} | options
    answers, notes = ["rain", "frost", "rain"], ["wet", "cold", "wet again"]
    return GuessExplorer({"seen": PICTURES}, {"cause": -PICTURES}, answers, notes, **options)


def test_the_page_holds_cases_choices_and_answers() -> None:
    found = explorer()
    page = BeautifulSoup(found._repr_html_(), "html.parser")
    data = json.loads(page.find("script", type="application/json").string)
    assert data["choices"] == ["frost", "rain"] and data["answers"] == [1, 0, 1] and data["shown"] == 1
    assert data["titles"] == ["seen", "cause"] and data["question"] == "Why?"
    image = page.find("img")
    assert (int(image["width"]), int(image["height"])) == (2 * 12, 3 * 16) and "3 rows" in image["alt"]
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find("tbody").find_all("tr")]
    assert rows[1] == ["row 2", "frost", "cold"] and page.figcaption.text == "Guess."
    assert repr(found) == "GuessExplorer(3 cases, 2 causes)" and "http" not in found._repr_html_()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="3 answers, 2 notes"):
        GuessExplorer({"seen": PICTURES}, {}, ["a", "b", "a"], ["x", "y"], question="?")
    with pytest.raises(ValueError, match="0 answers"):
        GuessExplorer({"seen": PICTURES[:0]}, {}, [], [], question="?")
    with pytest.raises(ValueError, match="expected one shape, with 3 cases"):
        GuessExplorer({"seen": PICTURES}, {"cause": PICTURES[:2]}, ["a"] * 3, ["x"] * 3, question="?")
    with pytest.raises(ValueError, match="give fewer or smaller cases"):
        explorer(budget=100)
