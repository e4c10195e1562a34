"""Figures on total variation: they show what they are given."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention.zoo import attention_zoo
from vtonlib.grids import coordinate_grid
from vtonlib.viz.variation import copied_picture, loss_diagram, signal_plot, zoomed


def test_the_diagram_names_every_stage() -> None:
    found = loss_diagram()
    svg = found.svg() if hasattr(found, "svg") else found._repr_mimebundle_()["image/svg+xml"]
    for word in ("queries", "centres", "differences", "inside", "means", "loss", "mask"):
        assert word in svg


def test_a_panel_for_each_signal_and_a_line_for_each_result() -> None:
    given = {"ramp": torch.arange(5.0), "step": torch.tensor([0.0, 0, 1, 1, 1])}
    figure = signal_plot(given, {"half": {name: each / 2 for name, each in given.items()}})
    assert [axes.get_title() for axes in figure.axes] == ["ramp", "step"]
    dots, line = figure.axes[0].lines
    assert dots.get_ydata().tolist() == [0, 1, 2, 3, 4] and line.get_ydata().tolist() == [0, 0.5, 1, 1.5, 2]


def test_the_identity_reads_the_garment_inside_and_the_person_stays_grey() -> None:
    truth, mask = coordinate_grid(4, 3), torch.ones(1, 4, 3)
    mask[0, 0, 0] = 0
    garment, person = torch.rand(2, 3, 4, 3)
    figure = copied_picture({"copy": attention_zoo(truth[None])["truth"]}, garment, person, truth, mask)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["as it should be", "copy"]
    shown = torch.from_numpy(figure.axes[1].images[0].get_array().data)
    torch.testing.assert_close(shown[1:], ((garment + 1) / 2).movedim(0, -1)[1:], atol=1e-3, rtol=0)
    assert shown[0, 0].std() < 1e-6  # grey
    assert len(figure.axes[3].collections[1].get_offsets()) == 11


def test_a_zoom_shows_the_square_around_the_mask() -> None:
    image, mask = torch.arange(8.0 * 6).view(1, 1, 8, 6), torch.zeros(1, 1, 8, 6)
    mask[..., 5:7, 2:4] = 1
    found = zoomed(image, mask, size=4)
    assert found.shape == (1, 1, 4, 4)
    assert found[0, 0].tolist() == image[0, 0, 4:8, 1:5].tolist()
    with pytest.raises(ValueError, match="a mask is empty"):
        zoomed(image, 0 * mask)
