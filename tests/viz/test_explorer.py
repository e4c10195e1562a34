from __future__ import annotations

import base64
import json
import math
import re

import attention_example as example
import numpy as np
import pytest
import torch
from attention_example import GRID
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.evaluation import truth_on_lattice
from vtonlib.grids import to_pixels
from vtonlib.viz.explorer import AttentionExplorer
from vtonlib.viz.frame import Frame, decode_logits, encode_logits, read_row
from vtonlib.viz.patches import HIDDEN, LITTLE, NO_GARMENT, Telling, telling_patches, truth_on_patches

PERSON, GARMENT = example.images()


def explorer(*frames: Frame, **options) -> AttentionExplorer:
    return AttentionExplorer(PERSON, GARMENT, frames or [Frame(example.record())], **options)


def soup(figure) -> BeautifulSoup:
    return BeautifulSoup(figure._repr_html_(), "html.parser")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 20), st.integers(2, 300))
def test_logits_are_kept_as_well_as_promised(seed: int, spread: float, keys: int) -> None:
    logits = torch.randn(5, keys, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * spread
    codes = encode_logits(logits)
    assert codes.dtype == torch.uint8 and codes.shape == (5, keys + 1)
    gap, kept = logits.amax(1, keepdim=True) - logits, -decode_logits(codes)
    reach = codes[:, :1].double() / 4
    inside = gap <= reach
    bound = (gap * reach).sqrt() / 255 + reach / 255**2 / 4 + 1e-9
    assert ((gap - kept).abs() <= bound)[inside].all()
    assert ((kept - reach).abs() < 1e-9)[~inside].all() and (reach[~inside.all(1)] == 63.75).all()
    assert (reach >= gap.amax(1, keepdim=True).clamp(max=63.75)).all()


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("sharpness", [0.05, 1.0, 4.0])
def test_what_the_bytes_cost_in_tokens_and_nats(sharpness: float, temperature: float) -> None:
    record = example.record(sharpness)
    kept = (decode_logits(encode_logits(Frame(record).logs()["0"])) / temperature).softmax(-1)
    true = record.weights(temperature=temperature)[0, 0].double()
    for a, b in zip(kept, true, strict=True):
        ours, exact = read_row(a, GRID), read_row(b, GRID)
        assert math.hypot(ours.row - exact.row, ours.column - exact.column) < 0.05
        assert abs(ours.entropy - exact.entropy) < 0.03


def test_weights_of_zero_are_kept_as_the_smallest() -> None:
    codes = encode_logits(torch.tensor([[0.0, -torch.inf, -200.0], [0.0, 0.0, 0.0]]))
    assert codes[0].tolist() == [255, 0, 255, 255]
    assert codes[1].tolist() == [1, 0, 0, 0]


def test_reading_agrees_with_the_library() -> None:
    record = example.record(heads=3)
    weights = record.weights()[0].mean(0)
    flow = to_pixels(expected_coordinates(record) + 1, *GRID)[0].flatten(0, 1)
    for p, (x, y) in zip(weights, flow.tolist(), strict=True):
        reading = read_row(p, GRID)
        assert (reading.row, reading.column) == pytest.approx((y, x), abs=1e-4)
    one = example.record()
    entropy = [read_row(p, GRID).entropy for p in one.weights()[0, 0]]
    np.testing.assert_allclose(entropy, one.entropy()[0, 0], atol=1e-4)
    assert read_row(torch.full((192,), 1 / 192), GRID).share == pytest.approx(1)


def test_the_page_holds_every_frame_once() -> None:
    frames = [Frame(example.record(s), layer="up", step=k) for k, s in ((600, 2.0), (0, 0.1))]
    figure = explorer(*frames, Frame(example.record(heads=2, grid=Grid(8, 6)), layer="mid"))
    data = json.loads(soup(figure).find("script", type="application/json").string)
    assert data == json.loads(json.dumps(figure.data))
    assert [(f["layer"], f["step"], f["mean"]) for f in data["frames"]] == [
        ("up", 0, False),
        ("up", 600, False),
        ("mid", None, True),
    ]
    assert set(data["grids"]) == {"16x12", "8x6"}
    codes = np.frombuffer(base64.b64decode(data["frames"][1]["heads"][0]["map"]), np.uint8).reshape(192, 193)
    np.testing.assert_array_equal(codes, encode_logits(frames[0].record.weights()[0, 0].log()))


def test_heads_that_are_kept() -> None:
    record = example.record(heads=3)
    assert list(Frame(record).logs()) == ["0", "1", "2"] and Frame(record).offers_mean()
    assert list(Frame(record, heads=(2,)).logs()) == ["2"] and not Frame(record, heads=(2,)).offers_mean()
    mean = Frame(record, heads="mean").logs()["mean"]
    torch.testing.assert_close(mean.exp(), record.weights()[0].mean(0))
    assert not Frame(example.record()).offers_mean()


def test_markup_is_self_contained_and_has_no_ids() -> None:
    figure = explorer(caption="A <b> & </script> caption", person_alt='a "person"', garment_alt="a shirt")
    html = figure._repr_html_()
    page = BeautifulSoup(html, "html.parser")
    assert page.find(id=True) is None
    assert not re.search(r"https?:|src=\"(?!data:)|\bimport\b|export default", html)
    assert [img["alt"] for img in page.find_all("img")] == ['a "person"', "a shirt"]
    assert page.figcaption.text == "A <b> & </script> caption"
    assert len(page.find_all("script")) == 2
    assert (
        html
        == explorer(caption="A <b> & </script> caption", person_alt='a "person"', garment_alt="a shirt")._repr_html_()
    )


def test_numbers_stand_in_the_page_without_scripts() -> None:
    flow, mask = example.truth()
    record = example.record(2.0)
    page = soup(explorer(Frame(record), truth=flow, mask=mask))
    rows = [[c.text for c in row.find_all(["th", "td"])] for row in page.tbody.find_all("tr")]
    assert [th.text for th in page.thead.find_all("th")][3] == "error (tokens)" and len(rows) == 6
    target, known = truth_on_patches(flow, mask, GRID)
    centre = expected_coordinates(record)
    error = to_pixels(centre - target, *GRID).norm(dim=-1)[0]
    for patch, place, true, distance, entropy, share in rows:
        row, column = map(int, patch.split(", "))
        assert known[row, column] == 1
        x, y = to_pixels(centre[0, row, column] + 1, *GRID).tolist()
        assert place == f"{y:.1f}, {x:.1f}"
        x, y = to_pixels(target[row, column] + 1, *GRID).tolist()
        assert true == f"{y:.1f}, {x:.1f}"
        assert distance == f"{error[row, column]:.1f}"
        nats = record.entropy()[0, 0, row * 12 + column].item()
        assert (entropy, share) == (f"{nats:.2f}", f"{100 * nats / math.log(192):.0f} %")


def test_without_truth_nothing_is_said_of_it() -> None:
    figure = explorer()
    assert figure.data["grids"]["16x12"]["truth"] is None
    assert [th.text for th in soup(figure).thead.find_all("th")][1:3] == ["centre", "entropy (nats)"]


def test_only_known_patches_are_kept() -> None:
    flow, mask = example.truth()
    whole, part = (explorer(truth=flow, mask=mask, masked_only=m) for m in (False, True))
    known = sum(xy is not None for xy in part.data["grids"]["16x12"]["truth"])
    assert 20 < known < 100
    assert len(base64.b64decode(part.data["frames"][0]["heads"][0]["map"])) == known * 193
    assert len(part.markup) < 0.6 * len(whole.markup)


def test_the_last_step_and_the_middle_come_first() -> None:
    flow, mask = example.truth()
    start = explorer(truth=flow, mask=mask).data["start"]
    assert (abs(start["row"] - 7.5), abs(start["column"] - 5.5)) < (1.1, 1.1)
    assert explorer(start=(2, 3)).data["start"] == {"row": 2, "column": 3}


def test_a_realistic_page_fits_its_budget() -> None:
    flow, mask = example.truth()
    frames = [Frame(example.record(s, seed=k), layer=f"layer {k}") for k, s in enumerate((0.1, 1.0, 3.0))]
    figure = explorer(*frames, truth=flow, mask=mask, caption="Three layers.")
    assert 100_000 < len(figure._repr_html_().encode()) < 400_000


def test_too_much_is_refused_with_a_way_out() -> None:
    with pytest.raises(
        ValueError, match=r"takes 4\d\d kB of the page, expected at most 380 kB: give fewer frames, heads="
    ):
        explorer(Frame(example.record(heads=8)))
    explorer(Frame(example.record(heads=8), heads="mean"))


def bad_record(samples: int = 1, lattices: int = 1) -> AttentionRecord:
    q, k = torch.zeros(samples, 1, 4, 2), torch.zeros(samples, 1, 4 * lattices, 2)
    return AttentionRecord(q, k, 1.0, Grid(2, 2), (Grid(2, 2),) * lattices, "up.0")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Frame(bad_record(2)), r"record of up.0 has 2 samples: expected one"),
        (lambda: Frame(bad_record(1, 2)), r"2 lattices of keys: take the garment's from record.per_key_grid"),
        (lambda: AttentionExplorer(PERSON, GARMENT, []), "frames is empty"),
        (
            lambda: explorer(Frame(example.record()), Frame(example.record())),
            "two frames have layer 'cross' and step None",
        ),
        (lambda: explorer(Frame(example.record()), Frame(example.record(), step=3)), "not all have a step"),
        (lambda: explorer(mask=example.truth()[1]), "expected a truth too"),
        (lambda: explorer(masked_only=True), "expected a truth too"),
        (
            lambda: explorer(truth=example.truth()[0], mask=torch.ones(1, 16, 12)),
            r"mask is \(1, 16, 12\), expected \(1, 64, 48\)",
        ),
        (
            lambda: explorer(truth=example.truth()[0], mask=torch.zeros(1, 64, 48), masked_only=True),
            "known for no patch",
        ),
        (lambda: explorer(start=(16, 0)), r"start is \(16, 0\), expected a patch of the lattice 16x12"),
        (lambda: AttentionExplorer(PERSON[None], GARMENT, [Frame(example.record())]), r"person is \(1, 3, 64, 48\)"),
    ],
)
def test_errors_say_what_is_expected(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_true_places_of_patches() -> None:
    """By a slow loop: the mean over the known pixels of each patch; whole patches are as the measures have them."""
    flow, mask = example.truth()
    places, known = truth_on_patches(flow, mask, GRID)
    for row, column in ((7, 5), (2, 4), (4, 3), (0, 0)):
        pixels = [(y, x) for y in range(4 * row, 4 * row + 4) for x in range(4 * column, 4 * column + 4)]
        seen = [flow[y, x] for y, x in pixels if mask[0, y, x]]
        assert known[row, column] == (len(seen) >= 4)
        if len(seen) >= 4:
            torch.testing.assert_close(places[row, column], torch.stack(seen).mean(0))
    target, strict = truth_on_lattice(flow[None], mask[None], *GRID)
    assert (known >= strict[0, 0]).all() and known.sum() > strict.sum()
    where = strict[0, 0] > 0
    torch.testing.assert_close(places[where], target[0][where], atol=0.03, rtol=0)
    same, whole = truth_on_patches(flow, mask, Grid(64, 48))
    assert same is flow and torch.equal(whole, mask[0])


def test_patches_say_why_they_cannot_be_chosen() -> None:
    flow, mask = example.truth()
    region = torch.zeros(1, 64, 48)
    region[:, :40, :30] = 1
    region[:, 60, :4] = 1
    grid = explorer(truth=flow, mask=mask, region=region).data["grids"]["16x12"]
    why = [grid["reasons"][code] if code >= 0 else None for code in grid["why"]]
    assert [w is None for w in why] == [xy is not None for xy in grid["truth"]]
    assert (why[0], why[11], why[15 * 12], why[7 * 12 + 5]) == (HIDDEN, NO_GARMENT, HIDDEN, None)
    region[:, 60, 1:4] = 0
    grid = explorer(truth=flow, mask=mask, region=region).data["grids"]["16x12"]
    assert grid["reasons"][grid["why"][15 * 12]] == LITTLE


def two_peaks() -> tuple[Frame, torch.Tensor, torch.Tensor]:
    """16 patches that look at their own place, but: 5 looks elsewhere, as surely; 6 at two places; 10 is unsure."""
    weights = torch.eye(16) * 0.9 + 0.1 / 16
    weights[5] = weights[15]
    weights[6] = 0.5 * (weights[0] + weights[14])
    weights[10] = 1 / 16
    record = AttentionRecord(weights.log()[None, None], torch.eye(16)[None, None], 1.0, Grid(4, 4), (Grid(4, 4),), "x")
    flow = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 4), torch.linspace(-1, 1, 4), indexing="xy"), -1)
    return Frame(record), flow, torch.ones(1, 4, 4)


def test_telling_patches_are_what_they_are_called() -> None:
    frame, flow, mask = two_peaks()
    sleeves = torch.zeros(1, 4, 4)
    sleeves[:, 2, 2:] = 1
    found = {t.label: 4 * t.row + t.column for t in telling_patches(frame, flow, mask, sleeves=sleeves)}
    assert found.pop("right") not in (5, 6, 10)
    assert found == {"sharp and wrong": 5, "two peaks": 6, "on a sleeve": 11}
    mask[:, 1, 1] = 0
    assert 5 not in {4 * t.row + t.column for t in telling_patches(frame, flow, mask)}
    assert {t.layer for t in telling_patches(frame, flow, mask)} == {"x"}
    with pytest.raises(ValueError, match="known for no patch"):
        telling_patches(frame, flow, 0 * mask)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"telling": [Telling("far", 16, 0)]}, "expected a patch of the first layer's lattice 16x12"),
        ({"telling": [Telling("far", 1, 0, "up")]}, "expected one of the layers cross"),
        ({"region": torch.ones(1, 16, 12), "truth": example.truth()[0]}, r"region is \(1, 16, 12\), expected \(1, 64"),
        ({"region": torch.ones(1, 64, 48)}, "expected a truth too"),
    ],
)
def test_telling_and_region_are_checked(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explorer(**options)
