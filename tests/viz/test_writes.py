from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup

from vtonlib.viz.writes import WritesExplorer

WAYS = {"over it": ["open", "write"], "beside it": ["write", "rename"]}
OUTCOMES = {
    "over it": {"kill": ["old", "torn", "new"], "cut": [{"old"}, {"torn", "old"}, {"new", "torn", "old"}]},
    "beside it": {"kill": [{"old"}, {"old"}, {"new"}], "cut": [{"old"}, {"old"}, {"torn", "new", "old"}]},
}
OUTCOMES["over it"]["kill"] = [{word} for word in OUTCOMES["over it"]["kill"]]


def test_data_and_table_hold_every_outcome() -> None:
    page = BeautifulSoup(WritesExplorer(WAYS, OUTCOMES, caption="Guess.").markup, "html.parser")
    data = json.loads(page.find("script").string)
    assert data["outcomes"]["over it"]["cut"] == [["old"], ["old", "torn"], ["old", "new", "torn"]]
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find("tbody").find_all("tr")]
    assert rows[1] == ["over it", "open", "torn", "old or torn"] and len(rows) == 6


@pytest.mark.parametrize(
    "outcomes",
    [
        {"over it": OUTCOMES["over it"]},
        OUTCOMES | {"beside it": {"kill": [{"old"}] * 2}},
        OUTCOMES | {"beside it": {"kill": [{"gone"}] * 3}},
        OUTCOMES | {"beside it": {"kill": [set()] * 3}},
    ],
)
def test_outcomes_that_do_not_fit_are_refused(outcomes) -> None:
    with pytest.raises(ValueError, match="expected"):
        WritesExplorer(WAYS, outcomes)
