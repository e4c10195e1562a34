from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup

from vtonlib.viz.zero_steps import ZeroSteps

WAYS = {"one": [{"z": -1.0, "p": 0.0}, {"z": -0.5, "p": -0.25}], "dead": [{"z": 0.0, "p": 0.0}] * 2}


def test_data_and_table_hold_every_gradient() -> None:
    page = BeautifulSoup(ZeroSteps(WAYS, {"z": "last", "p": "before"}, caption="Guess.").markup, "html.parser")
    data = json.loads(page.find("script").string)
    assert data["ways"] == {"one": [[-1.0, 0.0], [-0.5, -0.25]], "dead": [[0.0, 0.0]] * 2}
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find("tbody").find_all("tr")]
    assert rows[1] == ["one", "p", "0.000", "-0.250"] and len(rows) == 4


@pytest.mark.parametrize("ways", [{"a": WAYS["one"], "b": WAYS["one"][:1]}, {"a": [{"z": 1.0}]}])
def test_ways_that_do_not_fit_are_refused(ways) -> None:
    with pytest.raises(ValueError, match="expected the weights z, p"):
        ZeroSteps(ways, {"z": "last", "p": "before"})
