"""The figure of denoised signals as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.losses.total_variation import total_variation_denoising
from vtonlib.viz.denoising import DenoisingExplorer

STRENGTHS = (0.0, 0.25, 0.5, 1.0, 4.0)


@pytest.fixture(scope="module")
def figure() -> DenoisingExplorer:
    clean = {"a ramp": torch.linspace(-1, 1, 12), "a step": torch.linspace(-1, 1, 12).sign()}
    noise = 0.5 * torch.randn(12, generator=torch.Generator().manual_seed(0))
    noisy = {name: signal + noise for name, signal in clean.items()}

    def smooth(x: torch.Tensor, strength: float) -> torch.Tensor:
        return total_variation_denoising(x.view(1, 1, -1, 1), torch.ones(1, 1, 1, len(x)), strength).flatten()

    found = {(n, "differences"): torch.stack([smooth(x, s) for s in STRENGTHS]) for n, x in noisy.items()}
    found |= {(n, "nothing"): x.expand(len(STRENGTHS), -1) for n, x in noisy.items()}
    return DenoisingExplorer(clean, noisy, found, STRENGTHS, caption="Guess.")


def test_the_reader_names_a_strength_before_errors_are_shown(show, figure) -> None:
    page = show(figure)
    slider, errors = page.locator("input[type=range]"), figure.errors["a ramp", "differences"]
    assert page.locator("dd").count() == 0 and page.locator(".curve polyline").count() == 0
    assert page.locator(".plot circle").count() == 12
    before = page.locator(".left").get_attribute("points")
    slider.fill("4")
    assert page.locator("output").inner_text() == "4" and page.locator(".left").get_attribute("points") != before
    assert page.locator("dd").count() == 0 and page.locator(".curve polyline").count() == 0
    page.get_by_role("button", name="this one").click()
    said = page.locator("[aria-live]").inner_text()
    assert said == (
        f"No: the error is least at strength {figure.best('a ramp', 'differences'):g}, {min(errors):.2f}; "
        f"at 4 it is {errors[4]:.2f}."
    )
    slider.fill("2")
    assert page.locator(".curve polyline").count() == 1
    assert page.locator("dd").all_inner_texts()[0] == f"{errors[2]:.2f}"
    assert not page.get_by_role("button", name="this one").is_visible()


def test_another_signal_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="this one").click()
    page.get_by_role("button", name="a step").click()
    assert page.get_by_role("button", name="this one").is_visible() and page.locator("[aria-live]").inner_text() == ""
    page.get_by_role("button", name="nothing").click()
    page.get_by_role("button", name="this one").click()
    assert page.locator("[aria-live]").inner_text().startswith("Right")  # every strength is as good as the best
    page.get_by_role("button", name="a ramp").click()
    page.get_by_role("button", name="differences", exact=True).click()
    assert page.locator("[aria-live]").inner_text() != ""  # what was guessed before stays


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "this one")


def test_without_scripts_the_table_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert page.get_by_text("by strength").is_visible() and page.get_by_text("Guess.").is_visible()
