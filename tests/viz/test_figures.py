from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from vtonlib.grids import coordinate_grid
from vtonlib.viz.figures import (
    correspondence_picture,
    loss_curve,
    picture_grid,
    place_colours,
    spread_points,
    use_book_style,
)

H, W = 16, 12


def drawn(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_picture_grid_has_a_column_per_name_and_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("show was called"))
    images = torch.linspace(-1, 1, 2 * 3 * H * W).reshape(2, 3, H, W)
    figure = picture_grid({"person": images, "mask": torch.ones(2, 1, H, W)})
    assert [axes.get_title() for axes in figure.axes] == ["person", "mask", "", ""]
    pixels = figure.axes[0].images[0].get_array()
    assert pixels.shape == (H, W, 3)
    np.testing.assert_allclose(pixels[..., 1], (images[0, 1] + 1) / 2, atol=1e-6)
    assert figure.axes[1].images[0].get_array().min() == 1
    assert plt.get_fignums() == []
    assert figure.get_facecolor()[3] == 0
    assert len(drawn(figure)) > 1000


@pytest.mark.parametrize(
    "columns", [{}, {"a": torch.zeros(0, 3, H, W)}, {"a": torch.zeros(1, 3, H, W), "b": torch.zeros(2, 3, H, W)}]
)
def test_picture_grid_wants_equal_columns(columns) -> None:
    with pytest.raises(ValueError, match="equally many pictures"):
        picture_grid(columns)


def test_place_colours_tell_left_from_right_and_up_from_down() -> None:
    left, right = place_colours(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    up, down = place_colours(torch.tensor([[0.0, -1.0], [0.0, 1.0]]))
    assert left[2] > left[0] and right[0] > right[2]
    luminance = torch.tensor([0.2126, 0.7152, 0.0722])
    assert up @ luminance > down @ luminance + 0.3
    assert place_colours(torch.tensor([7.0, -9.0])).equal(place_colours(torch.tensor([1.0, -1.0])))


def test_spread_points_lie_inside_and_apart() -> None:
    mask = torch.zeros(1, H, W)
    mask[:, 2:14, 3:9] = 1
    points = spread_points(mask, 6)
    assert points.shape == (6, 2) and points.equal(spread_points(mask, 6))
    assert all(mask[0, row, column] == 1 for column, row in points.tolist())
    assert torch.pdist(points.float()).min() >= 3
    assert len(spread_points(mask * 0, 6)) == 0
    mask[:] = 0
    mask[0, 5, 7] = 1
    assert spread_points(mask, 6).tolist() == [[7, 5]]


def test_correspondence_picture_carries_the_colours_through_the_flow() -> None:
    person, garment, mask = torch.zeros(3, H, W), torch.zeros(3, H, W), torch.zeros(1, H, W)
    mask[:, 4:12, 3:9] = 1
    truth = coordinate_grid(H, W) * torch.tensor([-1.0, 1.0])
    flow = coordinate_grid(4, 3)
    figure = correspondence_picture(person, garment, flow, mask, truth, points=5)
    assert [axes.get_title() for axes in figure.axes] == ["through the flow", "garment", "truth"]
    ours, _, true = (axes.images[0].get_array() for axes in figure.axes)
    np.testing.assert_allclose(true[6, 4], place_colours(truth[6, 4]), atol=1e-6)
    np.testing.assert_allclose(ours[6, 4], place_colours(coordinate_grid(H, W)[6, 4]), atol=1e-6)
    np.testing.assert_allclose(ours[0, 0], true[0, 0])
    assert len(figure.artists) == 10
    ends = {tuple(round(x, 4) for x in line.xy2) for line in figure.artists[5:]}
    starts = [line.xy1 for line in figure.artists[5:]]
    assert ends == {(float(W - 1 - column), float(row)) for column, row in starts}
    assert len(drawn(figure)) > 1000


def test_correspondence_picture_without_truth_or_mask() -> None:
    image = torch.zeros(3, H, W)
    figure = correspondence_picture(image, torch.zeros(3, 8, 6), coordinate_grid(H, W), torch.zeros(1, H, W))
    assert len(figure.axes) == 2 and not figure.artists


def test_correspondence_picture_names_a_batch_axis() -> None:
    image, flow = torch.zeros(3, H, W), coordinate_grid(H, W)
    with pytest.raises(ValueError, match=r"mask is \(1, 1, 16, 12\), expected \(1, 16, 12\)"):
        correspondence_picture(image, image, flow, torch.zeros(1, 1, H, W))
    with pytest.raises(ValueError, match=r"target is \(4, 3, 2\)"):
        correspondence_picture(image, image, flow, torch.zeros(1, H, W), coordinate_grid(4, 3))


def test_loss_curve(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    records = [{"step": 0, "event": "start"}]
    records += [{"step": s, "phase": p, "loss": 1 / s} for s in range(1, 41) for p in ("generator", "discriminator")]
    log.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    axes = loss_curve(log, smooth=10).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["generator", "discriminator"]
    faint, strong = axes.lines[:2]
    assert faint.get_xdata().tolist() == list(range(1, 41))
    assert strong.get_ydata()[0] == pytest.approx(sum(1 / s for s in range(1, 11)) / 10)
    log.write_text('{"step": 0, "event": "start"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"log.jsonl: no loss was logged yet"):
        loss_curve(log)


def test_book_style_is_transparent() -> None:
    with plt.rc_context():
        use_book_style()
        assert plt.rcParams["figure.facecolor"] == "none"
