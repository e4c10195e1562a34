"""The attention explorer as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import math
import re

import attention_example as example
import pytest
import torch
from attention_example import GRID

from vtonlib.attention import Grid, expected_coordinates
from vtonlib.grids import to_pixels
from vtonlib.viz.explorer import AttentionExplorer
from vtonlib.viz.frame import Frame, read_row
from vtonlib.viz.patches import HIDDEN, LITTLE, NO_GARMENT, Telling, truth_on_patches

NUMBER = r"-?\d+(?:\.\d+)?"
FLOW, MASK = example.truth()


def explorer(*frames: Frame, **options) -> AttentionExplorer:
    known = {"truth": FLOW, "mask": MASK, "ask": False} | options
    return AttentionExplorer(*example.images(), frames or [Frame(example.record())], **known)


def facts(page, which: int = 0) -> dict[str, list[float]]:
    """The numbers of the readout, by name."""
    rows = page.locator("vton-attention").nth(which).locator("dl > div").all_inner_texts()
    return {name: [float(x) for x in re.findall(NUMBER, text)] for name, text in (row.split("\n") for row in rows)}


def slide(page, name: str, value: float, which: int = 0) -> None:
    page.locator("vton-attention").nth(which).locator(f"[name={name}]").fill(str(value))


def expected(record, row: int, column: int, temperature: float = 1.0, head: int | None = None):
    weights = record.weights(temperature=temperature)[0]
    return read_row((weights.mean(0) if head is None else weights[head])[row * 12 + column], GRID)


def agrees(shown: dict[str, list[float]], reading) -> None:
    assert shown["centre"] == pytest.approx([reading.row, reading.column], abs=0.11)
    assert shown["entropy"] == pytest.approx([reading.entropy, 100 * reading.share], abs=0.6)
    assert shown["entropy"][0] == pytest.approx(reading.entropy, abs=0.035)


def test_a_click_reads_the_patch_under_it(show) -> None:
    page, record = show(explorer()), example.record()
    stage = page.locator(".person .stage")
    box = stage.bounding_box()
    assert box["height"] / box["width"] == pytest.approx(64 / 48, rel=0.01)
    stage.click(position={"x": box["width"] * 4.5 / 12, "y": box["height"] * 9.5 / 16})
    shown = facts(page)
    assert shown["patch"] == [9, 4]
    agrees(shown, expected(record, 9, 4))
    truth, _ = truth_on_patches(FLOW, MASK, GRID)
    x, y = to_pixels(truth[9, 4] + 1, *GRID).tolist()
    assert shown["truth"] == pytest.approx([y, x], abs=0.051)
    error = to_pixels(expected_coordinates(record) - truth, *GRID).norm(dim=-1)[0, 9, 4].item()
    assert shown["error"] == pytest.approx([error], abs=0.1)


def test_every_key_moves_the_patch(show) -> None:
    page = show(explorer(start=(7, 5)))
    page.locator(".person .stage").focus()
    places = {
        "ArrowLeft": [7, 4],
        "ArrowUp": [6, 4],
        "ArrowRight": [6, 5],
        "ArrowDown": [7, 5],
        "Home": [7, 0],
        "End": [7, 11],
        "PageUp": [0, 11],
        "PageDown": [15, 11],
    }
    for key, place in places.items():
        page.keyboard.press(key)
        assert facts(page)["patch"] == place
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert facts(page)["patch"] == [15, 11]


def test_tab_reaches_every_control_and_shows_where_it_is(show) -> None:
    frames = [Frame(example.record(s, heads=2), layer=n, step=k) for n in "ab" for k, s in ((0, 0.1), (9, 1.0))]
    page = show(explorer(*frames, budget=10**6))
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(
            "(() => { const e = document.activeElement.shadowRoot.activeElement;"
            " return [e.name || e.className || e.tagName, parseFloat(getComputedStyle(e).outlineWidth)]; })()"
        ))  # fmt: skip
    assert [name for name, _ in reached] == ["layer", "step", "head", "temperature", "stage", "SUMMARY"]
    assert all(width >= 2 for _, width in reached)


def test_temperature_changes_entropy_as_python_says(show) -> None:
    page = show(explorer(Frame(example.record(2.0)), start=(6, 5)))
    for exponent in (-3, -1, 0, 1.25, 3):
        slide(page, "temperature", exponent)
        agrees(facts(page), expected(example.record(2.0), 6, 5, 2.0**exponent))


def test_uniform_attention_has_the_largest_entropy(show) -> None:
    shown = facts(show(explorer(Frame(example.record(0.0)))))
    assert shown["entropy"] == pytest.approx([math.log(192), 100], abs=0.005)
    assert shown["centre"] == [7.5, 5.5]


def test_heads_and_their_mean(show) -> None:
    record = example.record(2.0, heads=3)
    page = show(explorer(Frame(record), start=(6, 5)))
    head = page.locator("[name=head]")
    assert head.locator("option").all_inner_texts() == ["mean", "0", "1", "2"]
    slide(page, "temperature", -1)
    agrees(facts(page), expected(record, 6, 5, 0.5))
    for k in range(3):
        head.select_option(str(k))
        agrees(facts(page), expected(record, 6, 5, 0.5, head=k))


def test_layers_of_other_lattices_and_steps(show) -> None:
    small = example.record(1.5, grid=Grid(8, 6))
    frames = [Frame(example.record(s), layer="up", step=k) for k, s in ((0, 0.1), (300, 0.5), (900, 2.0))]
    page = show(explorer(*frames, Frame(small, layer="mid"), start=(6, 5)))
    step = page.locator("[name=step]")
    agrees(facts(page), expected(example.record(2.0), 6, 5))
    for index, sharpness in enumerate((0.1, 0.5, 2.0)):
        slide(page, "step", index)
        agrees(facts(page), expected(example.record(sharpness), 6, 5))
    assert step.get_attribute("aria-valuetext") == "900"
    page.locator("[name=layer]").select_option("mid")
    assert facts(page)["patch"] == [3, 2] and not step.is_visible()
    reading = read_row(small.weights()[0, 0, 3 * 6 + 2], Grid(8, 6))
    assert facts(page)["centre"] == pytest.approx([reading.row, reading.column], abs=0.11)
    assert page.locator("canvas").evaluate("c => [c.width, c.height]") == [6, 8]


def test_a_control_with_one_choice_is_hidden(show) -> None:
    page = show(explorer())
    seen = {name: page.locator(f"[name={name}]").is_visible() for name in ("layer", "step", "head", "temperature")}
    assert seen == {"layer": False, "step": False, "head": False, "temperature": True}


def test_two_explorers_do_not_meddle(show) -> None:
    page = show(explorer(Frame(example.record(2.0)), start=(6, 5)), explorer(Frame(example.record(2.0)), start=(8, 4)))
    slide(page, "temperature", 2, which=1)
    page.locator(".person .stage").nth(1).press("ArrowUp")
    agrees(facts(page, 0), expected(example.record(2.0), 6, 5))
    agrees(facts(page, 1), expected(example.record(2.0), 7, 4, 4.0))


def test_patches_that_are_not_kept_cannot_be_chosen(show) -> None:
    record = example.record(2.0)
    page = show(explorer(Frame(record), masked_only=True))
    _, known = truth_on_patches(FLOW, MASK, GRID)
    stage = page.locator(".person .stage")
    before = facts(page)["patch"]
    stage.click(position={"x": 3, "y": 3})
    assert facts(page)["patch"] == before
    assert page.locator(".why").inner_text() == "The patch at row 0, column 0 cannot be chosen: no true place is known."
    visited = []
    for key in ["Home", "PageUp", "ArrowLeft", "ArrowDown", "End", "PageDown", "ArrowRight"]:
        stage.press(key)
        row, column = (int(v) for v in facts(page)["patch"])
        assert known[row, column] == 1
        agrees(facts(page), expected(record, row, column))
        visited.append((row, column))
    assert len(set(visited)) > 3


def test_the_garment_fades_where_no_weight_is(show) -> None:
    record = example.record(3.0)
    page = show(explorer(Frame(record), start=(6, 5)))
    pixels = page.locator("canvas").evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    opacity = torch.tensor(pixels).view(-1, 4)[:, 3]
    weights = record.weights()[0, 0, 6 * 12 + 5]
    assert opacity.argmin() == weights.argmax() and opacity.min() == 0
    assert (opacity[weights > 0.3 * weights.max()] < 100).all() and (opacity[weights < 1e-4] > 200).all()
    assert (torch.tensor(pixels).view(-1, 4)[opacity > 0, :3] == 255).all()  # white: no colour but the garment's
    centre, ring = page.locator(".garment .stage > svg > svg").evaluate_all(
        "all => all.map(e => e.getAttribute('x') + ' ' + e.getAttribute('y'))"
    )[:0:-1]
    reading = expected(record, 6, 5)
    x, y = (float(v.rstrip("%")) for v in centre.split())
    assert (x, y) == pytest.approx((100 * (reading.column + 0.5) / 12, 100 * (reading.row + 0.5) / 16), abs=0.5)
    assert ring != centre


def test_readout_is_announced_in_words(show) -> None:
    page = show(explorer(start=(6, 5)))
    said = page.locator("[aria-live=polite]").inner_text()
    assert re.match(r"The patch at row 6, column 5 looks at row \d", said) and "nats" in said
    page.locator(".person .stage").press("ArrowDown")
    assert page.locator("[aria-live=polite]").inner_text().startswith("The patch at row 7, column 5")
    assert (
        page.locator("canvas").get_attribute("aria-label").startswith("Attention over the garment. The patch at row 7")
    )


def test_table_agrees_with_the_one_without_scripts(show) -> None:
    figure = explorer(Frame(example.record(2.0)))
    page = show(figure)
    rows = "table => [...table.tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))"
    static = page.evaluate(f"({rows})(document.querySelector('vton-attention > figure > table'))")
    page.locator("summary").click()
    dynamic = page.locator("details table").evaluate(rows)
    for cells in zip(dynamic, static, strict=True):
        ours, plain = ([float(x) for x in re.findall(NUMBER, " ".join(row))] for row in cells)
        assert ours[:-1] == pytest.approx(plain[:-1], abs=0.11) and abs(ours[-1] - plain[-1]) <= 1
    slide(page, "temperature", 3)
    assert page.locator("details table").evaluate(rows) != dynamic


def test_without_scripts_pictures_and_numbers_stand_there(show) -> None:
    page = show(explorer(caption="What it shows."), java_script_enabled=False)
    assert page.locator("vton-attention > figure > img").count() == 2
    assert page.locator("vton-attention tbody tr").count() == 6
    assert page.get_by_text("What it shows.").is_visible()


def test_pictures_and_caption_are_kept(show) -> None:
    page = show(explorer(caption="What it shows.", person_alt="A person in stripes"))
    assert page.locator("details ~ figcaption").inner_text() == "What it shows."
    assert page.locator(".person img").get_attribute("alt") == "A person in stripes"
    assert (
        page.locator(".stage img").evaluate_all("all => all.map(i => [i.complete, i.naturalWidth])") == [[True, 48]] * 2
    )


def test_fits_narrow_and_wide_pages(show) -> None:
    frames = [Frame(example.record(s), layer=f"decoder block {k}", step=k) for k, s in enumerate((0.1, 1.0))]
    page = show(explorer(*frames))
    for width in (360, 900):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        person, garment = (page.locator(f"{side} .stage").bounding_box() for side in (".person", ".garment"))
        assert person["y"] == garment["y"] and person["x"] + person["width"] < garment["x"]


def test_nothing_moves(show) -> None:
    page = show(explorer(), reduced_motion="reduce")
    page.locator(".person .stage").press("ArrowUp")
    assert page.evaluate("document.getAnimations().length") == 0
    moving = "all => all.map(e => parseFloat(getComputedStyle(e).transitionDuration)).filter(s => s > 0)"
    assert page.locator("vton-attention *").evaluate_all(moving) == []


def at(page, stage: str, row: int, column: int) -> None:
    """Click a cell of the lattice on a stage."""
    box = page.locator(f"{stage} .stage").bounding_box()
    page.locator(f"{stage} .stage").click(
        position={"x": box["width"] * (column + 0.5) / 12, "y": box["height"] * (row + 0.5) / 16}
    )


def test_the_reader_guesses_before_the_answer_is_shown(show) -> None:
    page, record = show(explorer(Frame(example.record(2.0)), ask=True, start=(7, 5))), example.record(2.0)
    answer = page.locator("dl")
    assert page.locator(".question").inner_text().startswith("Where on the garment does the patch at row 7, column 5")
    assert not answer.is_visible() and not page.locator("details").is_visible()
    assert page.locator(".garment .stage > svg > svg").count() == 0
    assert "without an answer" in page.locator("canvas").get_attribute("aria-label")
    at(page, ".garment", 3, 8)
    assert answer.is_visible() and page.locator(".has-guess").is_visible()
    places, _ = truth_on_patches(FLOW, MASK, GRID)
    truth = to_pixels(places[7, 5] + 1, *GRID)
    mine = (torch.tensor([8.0, 3.0]) - truth).norm().item()
    reading = expected(record, 7, 5)
    theirs = (torch.tensor([reading.column, reading.row]) - truth).norm().item()
    said = [float(x) for x in re.findall(NUMBER, page.locator(".question").inner_text())]
    assert said == pytest.approx([mine, theirs], abs=0.06)
    page.get_by_role("button", name="Another patch").click()
    assert not answer.is_visible()
    page.get_by_role("button", name="Show me").click()
    assert answer.is_visible() and "(1 patch)" in page.locator(".score").inner_text()
    page.get_by_label("ask me first").uncheck()
    page.get_by_role("button", name="Another patch").is_hidden()
    page.locator(".person .stage").press("ArrowUp")
    assert answer.is_visible()


def test_a_guess_by_keyboard(show) -> None:
    page = show(explorer(Frame(example.record(2.0)), ask=True, start=(7, 5)))
    garment = page.locator(".garment .stage")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        garment.press(key)
    assert page.locator(".said").inner_text() == "Row 9, column 8 of the garment. Enter guesses."
    garment.press("Enter")
    truth = to_pixels(truth_on_patches(FLOW, MASK, GRID)[0][7, 5] + 1, *GRID)
    mine = (torch.tensor([8.0, 9.0]) - truth).norm().item()
    assert float(re.findall(NUMBER, page.locator(".question").inner_text())[0]) == pytest.approx(mine, abs=0.06)
    assert garment.get_attribute("tabindex") is None


def test_patches_without_a_truth_are_not_asked_about(show) -> None:
    page = show(explorer(ask=True, start=(0, 0)))
    assert page.locator("dl").is_visible() and page.locator(".question").inner_text() == ""
    page = show(AttentionExplorer(*example.images(), [Frame(example.record())]))
    assert page.locator("dl").is_visible() and not page.get_by_label("ask me first").is_visible()


def test_every_patch_says_why_it_cannot_be_chosen(show) -> None:
    """A region larger than what is known: patches in it are hidden, at its edge too little of them is garment."""
    region = torch.zeros(1, 64, 48)
    region[:, 8:56, 9:] = 1
    page = show(explorer(region=region, masked_only=True))
    _, known = truth_on_patches(FLOW, MASK, GRID)
    reasons = set()
    for row, column in ((0, 0), (2, 2), (2, 11), (7, 0), (8, 1), (15, 5), (3, 9)):
        assert not known[row, column]
        at(page, ".person", row, column)
        text = page.locator(".why").inner_text()
        assert text.startswith(f"The patch at row {row}, column {column} cannot be chosen: ")
        assert page.locator(".said").inner_text() == text
        reasons.add(text.split("chosen: ")[1].rstrip("."))
    assert {NO_GARMENT, HIDDEN} <= reasons <= {NO_GARMENT, HIDDEN, LITTLE}
    page.locator(".person .stage").press("ArrowDown")
    assert "Click a patch" in page.locator(".why").inner_text()


def test_telling_patches_are_one_click_away(show) -> None:
    frames = [Frame(example.record(2.0), layer="sharp"), Frame(example.record(0.2), layer="soft")]
    page = show(explorer(*frames, telling=[Telling("right", 7, 5), Telling("wrong", 9, 4, "soft")], choice="answer"))
    page.get_by_role("button", name="wrong").click()
    assert facts(page)["patch"] == [9, 4] and page.get_by_label("answer").input_value() == "soft"
    agrees(facts(page), expected(example.record(0.2), 9, 4))
    page.get_by_role("button", name="right").click()
    assert facts(page)["patch"] == [7, 5] and page.get_by_label("answer").input_value() == "soft"


def test_lines_hold_half_and_nine_tenths_of_the_weight(show) -> None:
    record = example.record(2.0)
    page = show(explorer(Frame(record), start=(6, 5)))
    paths = (
        page.locator(".garment .stage > svg > svg")
        .first.locator("path")
        .evaluate_all("all => all.map(p => p.getAttribute('d'))")
    )
    weights = record.weights()[0, 0, 6 * 12 + 5]
    for path, share in zip(paths[::2], (0.9, 0.5), strict=True):
        size = 1 + int((weights.sort(descending=True).values.cumsum(0) < share).sum())
        inside = torch.zeros(192)
        inside[weights.topk(size).indices] = 1
        edges = sum(
            int((torch.diff(torch.nn.functional.pad(inside.view(16, 12), (1, 1, 1, 1)), dim=d) != 0).sum())
            for d in (0, 1)
        )
        assert path.count("M") == edges
