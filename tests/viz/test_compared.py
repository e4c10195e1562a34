"""The stored table and its explorer: what is read is what was kept, and bad input is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vtonlib.viz.compared import Compared, load_compared, save_compared
from vtonlib.viz.painters import PaintersExplorer


def some() -> Compared:
    g = torch.Generator().manual_seed(0)
    values = {"a": torch.rand(3, 2, 2, 5, generator=g) + 0.1, "copy": torch.rand(1, 2, 2, 5, generator=g) + 0.1}
    images, costs = torch.rand(2, 2, 3, 8, 6, generator=g) * 2 - 1, {"a": {"steps": 7, "seconds": 1.5}}
    shown = (("unpaired", 2), ("street", 3))
    return Compared(("a", "copy"), ("unpaired", "street"), ("masked_ssim", "texture"), values, images, shown, costs)


def test_what_is_read_is_what_was_kept(tmp_path: Path) -> None:
    table = some()
    save_compared(tmp_path / "t.safetensors", table)
    found = load_compared(tmp_path / "t.safetensors")
    assert (found.rows, found.tests, found.readings) == (table.rows, table.tests, table.readings)
    assert found.shown == table.shown and found.costs == table.costs
    torch.testing.assert_close(found.images, table.images, atol=1 / 255, rtol=0)
    torch.testing.assert_close(found.values["a"], table.values["a"], atol=1e-3, rtol=1e-3)
    people = found.people()
    assert people.index.tolist() == [2, 3] and people.person.shape == (2, 3, 64, 48)


def test_a_ratio_has_the_geometric_mean() -> None:
    table = some()
    raw = table.values["a"][:, 0]
    assert table.interval("a", "unpaired", "masked_ssim").mean == pytest.approx(float(raw[:, 0].mean()), abs=1e-6)
    found = table.interval("a", "unpaired", "texture")
    assert found.mean == pytest.approx(float(raw[:, 1].log().mean().exp()), abs=1e-6)
    assert found.low < found.mean < found.high
    means = table.means("street", "masked_ssim", ("copy", "a"))
    assert float(means[1]) == pytest.approx(float(table.values["a"][:, 1, 0].mean()), abs=1e-6)


def test_rows_are_compared_person_by_person_and_seed_by_seed() -> None:
    table = some()
    ours, copy = table.values["a"][:, 0, :, :], table.values["copy"][:, 0]
    both = Compared(
        ("a", "b", "copy"),
        table.tests,
        table.readings,
        {**table.values, "b": table.values["a"][:2] + torch.tensor(0.25)},
        table.images,
        table.shown,
        {"a": {}, "b": {}},
    )
    found = both.gained("b", "a", "unpaired", "masked_ssim")
    assert found[:3] == pytest.approx((0.25, 0.25, 0.25), abs=1e-6)  # of two seeds alike, whatever the third of a is
    found = both.gained("a", "copy", "unpaired", "masked_ssim")
    assert found.mean == pytest.approx(float((ours[:, 0] - copy[:, 0]).mean()), abs=1e-6)
    half = both.gained("a", "a", "unpaired", "masked_ssim", share=0.5)
    assert half[:3] == pytest.approx([part / 2 for part in both.interval("a", "unpaired", "masked_ssim")[:3]])
    assert both.gained("a", "a", "unpaired", "texture")[:3] == pytest.approx((1, 1, 1))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file of a stored table"):
        load_compared(tmp_path / "absent.safetensors")
    save_file({"x": torch.ones(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="expected a stored table"):
        load_compared(tmp_path / "x.safetensors")


def parts() -> dict:
    pictures = torch.linspace(-1, 1, 2 * 3 * 8 * 6).view(2, 3, 8, 6)
    images = {name: pictures * share for name, share in (("a", 1), ("b", 0.5), ("c", 0.2), ("d", 0), ("e", -1))}
    readings = {"SSIM": torch.arange(10.0).view(5, 2) / 10}
    return {"images": images, "garment": pictures, "person": pictures, "people": ["x", "y"], "readings": readings}


def test_the_explorer_offers_the_answer_and_three_others() -> None:
    figure = PaintersExplorer(**parts(), asked=["b", "e"])
    page = figure._repr_html_()
    assert "vton-painters" in page and page.count("data:image/webp") == 2 and "<td>0.90</td>" in page
    import json
    import re

    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S).group(1))  # type: ignore[union-attr]
    assert data["asked"] == [1, 4] and all(
        answer in offered and len(set(offered)) == 4
        for answer, offered in zip(data["asked"], data["offered"], strict=True)
    )


def test_the_explorer_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="asked about z"):
        PaintersExplorer(**parts(), asked=["b", "z"])
    with pytest.raises(ValueError, match="asked is of 1 people: expected 2"):
        PaintersExplorer(**parts(), asked=["b"])
    few = parts() | {"images": {"a": parts()["images"]["a"]}}
    with pytest.raises(ValueError, match="at least 4"):
        PaintersExplorer(**few, asked=["a", "a"])
    with pytest.raises(ValueError, match="give fewer people or methods"):
        PaintersExplorer(**parts(), asked=["b", "e"], budget=1000)
