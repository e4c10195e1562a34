"""The mask painter in a browser: every mask painted there gives what vtonlib computes in Python."""

from __future__ import annotations

import pytest
import torch

from vtonlib.models.normalization import mask_norm_steps, standardize
from vtonlib.viz.mask_painter import MaskPainter

X = torch.tensor([[1, 2, 3, 2, 2], [2, 2, 2, 2, 2], [1, 1, 3, 2, 3], [2, 2, 1, 2, 3], [3, 1, 2, 2, 2]]).double()
MASK = torch.zeros(5, 5).double()
MASK[2, 1:4] = 1
G = torch.Generator().manual_seed(1)
MAPS = torch.randn(3, 6, 4, generator=G, dtype=torch.float64) * 2 + 5
SOFT = (torch.rand(6, 4, generator=G, dtype=torch.float64) * 4).round() / 4
MASKS = {
    "soft": SOFT,
    "binary": (SOFT > 0.5).double(),
    "empty": torch.zeros(6, 4).double(),
    "full": torch.ones(6, 4).double(),
    "one pixel": torch.eye(24)[9].view(6, 4).double(),
}


def result(page, which: int = 0) -> torch.Tensor:
    return torch.tensor(page.locator("vton-mask-painter").nth(which).evaluate("e => e.result"), dtype=torch.float64)


def choose(page, **state) -> None:
    page.locator("vton-mask-painter").evaluate("(e, state) => e.choose(state)", state)


def cell(page, row: int, column: int):
    return page.locator(f".given button[data-row='{row}'][data-column='{column}']")


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_page_and_python_agree_for_every_mask(show, eps: float) -> None:
    """Both the result that Python sent along and what the page computes itself, and all steps on the way."""
    figure = MaskPainter(MAPS, MASKS["soft"], eps=eps)
    page = show(figure)
    assert page.locator(".by").inner_text() == "Mask normalization computed by vtonlib in Python."
    torch.testing.assert_close(result(page), figure.value()[0].flatten(), atol=1e-6, rtol=0)
    for name, mask in MASKS.items():
        steps = mask_norm_steps(figure.maps[None], mask[None, None], eps=eps)
        wanted = {
            "mask": figure.value(mask),
            "instance": standardize(figure.maps[None], (2, 3), eps=eps)[0],
            "filled inside": steps.filled[0, 0],
            "filled outside": steps.filled[0, 1],
            "normalized inside": steps.normalized[0, 0],
            "normalized outside": steps.normalized[0, 1],
        }
        for view, value in wanted.items():
            for channel in range(3):
                choose(page, mask=mask.tolist(), channel=channel, view=view)
                torch.testing.assert_close(
                    result(page), value[channel].flatten(), atol=1e-6, rtol=0, msg=f"{name} {view}"
                )
        assert page.locator(".by").inner_text().startswith("Computed in this page" if name != "soft" else "Mask")


def test_the_example_of_the_chapter(show) -> None:
    page = show(MaskPainter(X[None], MASK, digits=0))
    shown = [t.replace("\u2212", "-") for t in page.locator(".result tbody td").all_inner_texts()]
    assert shown[10:15] == ["-1.66", "-1.22", "1.22", "0.00", "1.66"]
    page.locator("[name=view]").select_option("normalized inside")
    assert page.locator(".result tbody td").nth(12).inner_text() == "3.54"
    moments = page.locator(".moments tbody tr").all_inner_texts()
    assert moments[0].split() == ["inside", "3", "2.00", "0.283", "0.346", "0.000083"]
    assert moments[1].split() == ["outside", "22", "2.00", "0.566", "0.938", "0.000011"]


def test_mouse_paints_and_drags(show) -> None:
    figure = MaskPainter(X[None], MASK, digits=0)
    page, mask = show(figure), MASK.clone()
    cell(page, 0, 0).click()
    mask[0, 0] = 1
    torch.testing.assert_close(result(page), figure.value(mask)[0].flatten())
    boxes = [cell(page, 4, j).bounding_box() for j in range(4)]
    page.mouse.move(boxes[0]["x"] + 9, boxes[0]["y"] + 9)
    page.mouse.down()
    for box in boxes[1:]:
        page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.up()
    page.mouse.move(boxes[0]["x"], boxes[0]["y"] - 60)  # after the button is up nothing is painted
    mask[4, :4] = 1
    torch.testing.assert_close(result(page), figure.value(mask)[0].flatten())
    page.locator("[name=brush]").select_option("0.5")
    cell(page, 0, 0).click()
    assert cell(page, 0, 0).get_attribute("aria-pressed") == "mixed"
    mask[0, 0] = 0.5
    torch.testing.assert_close(result(page), figure.value(mask)[0].flatten())
    for name, expected in (("invert", 1 - mask), ("clear", 0 * mask), ("reset", MASK)):
        page.locator(f"[data-do={name}]").click()
        torch.testing.assert_close(result(page), figure.value(expected)[0].flatten(), atol=1e-6, rtol=0)


def test_keyboard_paints_and_slides(show) -> None:
    figure = MaskPainter(MAPS, MASKS["binary"])
    page = show(figure)
    page.locator("[name=view]").focus()
    cell(page, 0, 0).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Space"):
        page.keyboard.press(key)
    mask = MASKS["binary"].clone()
    mask[2, 1] = 1 - mask[2, 1]
    torch.testing.assert_close(result(page), figure.value(mask)[0].flatten())
    for key in ("End", "ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    mask[1, 3] = 1 - mask[1, 3]
    torch.testing.assert_close(result(page), figure.value(mask)[0].flatten())
    assert cell(page, 1, 3).evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    assert page.locator(".given button[tabindex='0']").count() == 1
    page.locator("[name=eps]").fill("-1")
    torch.testing.assert_close(result(page), figure.value(mask, eps=0.1)[0].flatten())
    assert "pixels inside, mean" in page.locator("[aria-live]").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark", "none"])
def test_accessible_and_still(show, violations, theme: str) -> None:
    small, large = MaskPainter(X[None], MASK, digits=0, caption="By hand."), MaskPainter(MAPS, SOFT, caption="Map.")
    page = show(small, large, theme=theme, color_scheme="dark", reduced_motion="reduce")
    assert violations(page) == []
    moving = """e => [...e.shadowRoot.querySelectorAll('*')].map(n => getComputedStyle(n))
        .filter(style => parseFloat(style.transitionDuration) || style.animationName !== 'none').length"""
    assert [p.evaluate(moving) for p in page.locator("vton-mask-painter").all()] == [0, 0]


def test_two_painters_on_a_narrow_page(show) -> None:
    large = MaskPainter(torch.randn(2, 16, 12, generator=G), torch.zeros(16, 12))
    page = show(MaskPainter(X[None], MASK, digits=0), large, width=360)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("vton-mask-painter").nth(1).locator(".given button").nth(5).click()
    pressed = "e => e.shadowRoot.querySelectorAll('.given [aria-pressed=true]').length"
    assert [p.evaluate(pressed) for p in page.locator("vton-mask-painter").all()] == [3, 1]
