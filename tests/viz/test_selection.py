"""The explorer of chosen patches, its figure and its diagrams: what is shown is what was chosen."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Mapping

import pytest
import torch
from bs4 import BeautifulSoup
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.attention.query_selection import RULES
from vtonlib.viz.selection import SelectionExplorer, chosen_figure, on_garment
from vtonlib.viz.selection_diagrams import global_path, local_path

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what ipywidgets itself imports
    from vtonlib.viz.live import LiveFigure

IMAGES = torch.linspace(-1, 1, 2 * 3 * 16 * 12).view(2, 3, 16, 12)
REGIONS = torch.zeros(2, 1, 16, 12)
REGIONS[:, :, 4:12, 3:9] = 1
NAMES = ["one", "two"]


def entropies(flat: bool = False) -> dict[tuple[str, str], Tensor]:
    g = torch.Generator().manual_seed(0)
    maps = {"fine": torch.randn(2, 3, 8, 6, generator=g), "coarse": torch.randn(2, 5, 4, 3, generator=g)}
    if flat:
        maps["coarse"] *= 100
    return {
        (layer, rule): RULES[rule].entropy(x).unflatten(1, x.shape[2:])
        for layer, x in maps.items()
        for rule in ("global", "local")
    }


def read(explorer: SelectionExplorer) -> tuple[dict, BeautifulSoup]:
    page = BeautifulSoup(explorer.markup, "html.parser")
    return json.loads(page.find("script").string), page


def codes(text: str, kind: torch.dtype) -> list[int]:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=kind).tolist()


def test_the_page_holds_the_order_of_the_rule_and_the_shares_of_its_table() -> None:
    given = entropies()
    explorer = SelectionExplorer(IMAGES, NAMES, REGIONS, given, caption="Guess.")
    data, page = read(explorer)
    assert data["layers"] == ["fine", "coarse"] and data["sizes"] == [[8, 6], [4, 3]]
    inside = on_garment(REGIONS, Grid(8, 6))
    for p, name in enumerate(NAMES):
        frame = data["frames"][f"{name}|fine|local"]
        order = given["fine", "local"][p].flatten().argsort(stable=True)
        assert codes(frame["order"], torch.int16) == order.tolist()
        assert codes(data["garments"][p][0], torch.uint8) == inside[p].int().tolist()
        share = float(inside[p][order[:12]].mean())
        assert explorer.precision[name, "fine", "local"] == pytest.approx(share)
        chance = float(inside[p].mean())
        expected = "more" if share > 1.2 * chance else "fewer" if share < 0.8 * chance else "alike"
        assert frame["answer"] == expected
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find("tbody").find_all("tr")]
    assert len(rows) == 8 and rows[0][:4] == ["one", "fine", "global", "33 %"]
    share = explorer.precision["one", "fine", "global"]
    assert rows[0][4] == f"{100 * share:.0f} %"


def test_rows_without_entropy_are_counted() -> None:
    data, _ = read(SelectionExplorer(IMAGES, NAMES, REGIONS, entropies(flat=True)))
    assert data["frames"]["one|coarse|global"]["zero"] > 0.5 > data["frames"]["one|fine|global"]["zero"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"entropies": {}}, "no entropies"),
        ({"names": ["one"]}, "names: found 1, expected 2"),
        ({"regions": REGIONS[:1]}, "regions: found 1"),
        ({"budget": 100}, "give fewer pictures"),
    ],
)
def test_what_does_not_fit_is_refused(change: Mapping, words: str) -> None:
    given = {"images": IMAGES, "names": NAMES, "regions": REGIONS, "entropies": entropies()} | change
    with pytest.raises(ValueError, match=words):
        SelectionExplorer(**given)


def test_missing_rules_and_lattices_that_differ_are_named() -> None:
    given = entropies()
    with pytest.raises(ValueError, match=r"missing: \['coarse, local'\]"):
        SelectionExplorer(IMAGES, NAMES, REGIONS, {k: v for k, v in given.items() if k != ("coarse", "local")})
    with pytest.raises(ValueError, match=r"'fine' has the lattices \[\(4, 3\), \(8, 6\)\]"):
        SelectionExplorer(IMAGES, NAMES, REGIONS, given | {("fine", "local"): given["coarse", "local"]})


def test_it_computes_anew_in_a_live_notebook() -> None:
    x = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(1))

    def build(scale: float) -> SelectionExplorer:
        entropy = RULES["global"].entropy(scale * x).unflatten(1, (8, 6))
        return SelectionExplorer(IMAGES, NAMES, REGIONS, {("x", "all"): entropy})

    live = LiveFigure(build, scale=(0.1, 4.0))
    before = live.view.markup
    live.controls.children[0].value = 4.0
    assert live.view.markup != before


def test_a_patch_is_on_the_garment_where_half_of_it_is() -> None:
    region = torch.zeros(1, 1, 4, 4)
    region[..., :2, :3] = 1
    assert on_garment(region, Grid(2, 2)).tolist() == [[1, 1, 0, 0]]


def test_only_the_chosen_patches_keep_their_colours() -> None:
    ids = torch.tensor([[0, 5], [7, 47]])
    figure = chosen_figure(IMAGES, {"chosen": ids}, Grid(8, 6))
    assert len(figure.axes) == 4 and figure.axes[1].get_title() == "chosen"
    shown = torch.tensor(figure.axes[3].get_images()[0].get_array())
    same = (
        ((shown - (IMAGES[1].movedim(0, -1) + 1) / 2).abs().amax(-1) < 1e-5).unflatten(0, (8, 2)).unflatten(2, (6, 2))
    )
    kept = same.all(1).all(-1).flatten().nonzero().flatten()
    assert {7, 47} <= set(kept.tolist()) and len(kept) < 8
    assert len(figure.axes[1].lines) == 2
    with pytest.raises(ValueError, match="patches of 1 images"):
        chosen_figure(IMAGES, {"chosen": ids[:1]}, Grid(8, 6))
    with pytest.raises(ValueError, match="up to 47: expected 0 to 11"):
        chosen_figure(IMAGES, {"chosen": ids}, Grid(4, 3))


def test_both_paths_end_in_the_same_loss_and_read_what_they_say() -> None:
    for picture, word in (
        (global_path(), "HW\u00d7HW"),
        (local_path(), "N\u00d7w"),
        (local_path(everywhere=True), "global A"),
    ):
        source = picture.svg()
        assert word in source and "PatchNCE" in source and source.count("keys") >= 2
    assert "whole map" in local_path(everywhere=True).alt and "whole map" not in local_path().alt
