"""What is drawn on Leffa: the explorer holds what was computed, pictures are cut, diagrams say what they show."""

from __future__ import annotations

import base64
import json

import pytest
import torch
from bs4 import BeautifulSoup

from vtonlib.evaluation import end_point_error
from vtonlib.grids import coordinate_grid
from vtonlib.viz.followed import FollowedExplorer
from vtonlib.viz.leffa_diagrams import joined_attention, loss_path, unet_pair
from vtonlib.viz.leffa_figures import inside_region, pull_plot

TRUTH = coordinate_grid(4, 3).expand(2, -1, -1, -1)
FLOWS = {"near": 0.9 * TRUTH, "far": -TRUTH, "the truth": TRUTH}
PICTURES = torch.linspace(-1, 1, 2 * 3 * 8 * 6).view(2, 3, 8, 6)
MASK, REGION = torch.ones(2, 1, 4, 3), torch.ones(2, 1, 8, 6)
GIVEN = (PICTURES, PICTURES.flip(0), TRUTH, MASK, REGION)


def test_the_page_holds_flows_pictures_and_errors() -> None:
    explorer = FollowedExplorer(FLOWS, *GIVEN, caption="Guess.")
    page = BeautifulSoup(explorer.markup, "html.parser")
    data = json.loads(page.find("script").string)
    assert data["names"] == list(FLOWS) and data["people"] == 2 and data["lattice"] == [4, 3]
    codes = torch.frombuffer(bytearray(base64.b64decode(data["flows"][0][1])), dtype=torch.uint8)
    torch.testing.assert_close(codes / 127.5 - 1, 0.9 * TRUTH[1].flatten(), atol=0.005, rtol=0)
    wanted = end_point_error(-TRUTH, TRUTH, MASK, lattice=(4, 3))
    assert data["errors"][1] == pytest.approx(wanted.tolist(), abs=0.01) and data["errors"][2] == [0, 0]
    rows = [[cell.text for cell in row.find_all(("th", "td"))] for row in page.find_all("tr")]
    assert (
        rows[0] == ["", *FLOWS]
        and rows[1][0] == "person 1"
        and float(rows[1][2]) == pytest.approx(float(wanted[0]), abs=0.01)
    )
    assert "Guess." in page.text and repr(explorer) == "FollowedExplorer(3 maps, 2 people)"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        FollowedExplorer({"near": FLOWS["near"]}, *GIVEN)
    with pytest.raises(ValueError, match="'far' is"):
        FollowedExplorer(FLOWS | {"far": TRUTH[:, :3]}, *GIVEN)
    with pytest.raises(ValueError, match="give fewer people or flows"):
        FollowedExplorer(FLOWS, *GIVEN, budget=1000)


def test_pictures_are_shown_inside_alone() -> None:
    region = torch.zeros(2, 1, 8, 6)
    region[:, :, :4] = 1
    shown = inside_region(PICTURES, region)
    assert torch.equal(shown[:, :, :4], PICTURES[:, :, :4]) and len(shown[:, :, 4:].unique()) == 1


def test_the_plot_of_pulls() -> None:
    shares = torch.tensor([[0.5, 0.1, 0.4], [0.4, 0.2, 0.4]])
    axes = pull_plot([0.5, 2.0], shares).axes[0]
    assert [line.get_label() for line in axes.lines] == ["nearer", "farther", "no pull"]
    assert axes.lines[1].get_ydata().tolist() == pytest.approx([0.1, 0.2])
    with pytest.raises(ValueError, match="shares has 2 rows"):
        pull_plot([1.0], shares)


@pytest.mark.parametrize("diagram", [unet_pair(), unet_pair(task="pose"), joined_attention(), loss_path()])
def test_diagrams_say_what_they_show(diagram) -> None:
    assert len(diagram.alt) > 100 and "<svg" in diagram.svg() and "_{" not in diagram.svg()
