"""The explorer of denoised signals: what the page holds is what was computed."""

from __future__ import annotations

import json

import pytest
import torch
from bs4 import BeautifulSoup

from vtonlib.viz.denoising import DenoisingExplorer

CLEAN = {"a ramp": torch.linspace(0, 1, 5), "a step": torch.tensor([0.0, 0, 0, 1, 1])}
NOISY = {name: signal + torch.tensor([0.0, 0.3, 0, -0.3, 0]) for name, signal in CLEAN.items()}
STRENGTHS = (0, 0.5, 2)


def denoised(count: int = 3) -> dict[tuple[str, str], torch.Tensor]:
    share = torch.tensor([0.0, 0.8, 0.2, 0.0])[:count, None]  # of the noise that is taken away
    return {
        (name, penalty): NOISY[name] + factor * share * (CLEAN[name] - NOISY[name])
        for name in CLEAN
        for penalty, factor in {"absolute differences": 1.0, "squares": 0.5}.items()
    }


def test_lines_errors_and_variations_are_those_of_the_signals() -> None:
    found = DenoisingExplorer(CLEAN, NOISY, denoised(), STRENGTHS, caption="Guess.")
    page = BeautifulSoup(found._repr_html_(), "html.parser")
    data = json.loads(page.find("script", type="application/json").string)
    assert data["signals"] == ["a ramp", "a step"] and data["penalties"] == ["absolute differences", "squares"]
    frame = data["frames"]["a step|absolute differences"]
    noise = (2 * 0.3**2 / 5) ** 0.5
    assert frame["errors"] == pytest.approx([noise, 0.2 * noise, 0.8 * noise], abs=0.006)
    assert frame["lines"][1] == pytest.approx([0, 0.06, 0, 0.94, 1], abs=0.006)
    assert frame["variations"][0] == pytest.approx(0.3 + 0.3 + 0.7 + 0.3, abs=0.006)
    assert found.best("a step", "squares") == 0.5 and repr(found) == "DenoisingExplorer(2 signals, 3 strengths)"
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in page.find("tbody").find_all("tr")]
    assert rows[0] == ["a ramp", "absolute differences", "0.19", "0.04 at 0.5", "0.15"]
    assert page.figcaption.text == "Guess." and "http" not in found._repr_html_()


def test_what_does_not_fit_is_refused() -> None:
    some = denoised()
    with pytest.raises(ValueError, match=r"strengths are \[0.5, 1.0, 2.0\]: expected them to rise from 0"):
        DenoisingExplorer(CLEAN, NOISY, some, (0.5, 1, 2))
    with pytest.raises(ValueError, match=r"each of the signals \['a ramp', 'a step'\] clean, noisy, and denoised"):
        DenoisingExplorer(CLEAN, NOISY, {key: line for key, line in some.items() if key[0] == "a ramp"}, STRENGTHS)
    with pytest.raises(ValueError, match=r"a ramp, absolute differences is \(4, 5\): expected \(3, 5\)"):
        DenoisingExplorer(CLEAN, NOISY, denoised(4), STRENGTHS)
    with pytest.raises(ValueError, match="give fewer signals"):
        DenoisingExplorer(CLEAN, NOISY, some, STRENGTHS, budget=100)
