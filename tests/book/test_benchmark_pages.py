"""The page of benchmarks follows from stored results, CUDA's too where there are any; its plots say what they show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.growth import exponent
from benchmarks.parts_of_a_step import kind
from tools.book import benchmark_pages, svg
from tools.shell import ROOT


def test_every_family_stands_beside_its_reference() -> None:
    rows = benchmark_pages.ratios()
    named = {row.what.partition(",")[0] for row in rows}
    assert {"expected coordinates", "entropy as a loss", "ALIAS generator", "mask normalization"} <= named
    assert {"thin-plate warp", "Leffa's pair"} <= named
    stored = json.loads((benchmark_pages.RESULTS / "alias.json").read_text(encoding="utf8"))["measured"]
    row = next(row for row in rows if row.what == "mask normalization")
    assert (row.time, row.memory) == (stored["mask_norm"]["time_ratio"], stored["mask_norm"]["memory_ratio"])


def test_results_of_cuda_appear_when_they_are_there(tmp_path: Path) -> None:
    assert benchmark_pages.ratios(tmp_path) == []
    for name in ("alias.json", "attention.json"):
        shutil.copy(benchmark_pages.RESULTS / name, tmp_path)
    shutil.copy(tmp_path / "alias.json", tmp_path / "alias_cuda.json")
    places = [(row.file, row.place) for row in benchmark_pages.ratios(tmp_path)]
    assert ("alias_cuda.json", "CUDA") in places and ("alias.json", "processor") in places


def test_a_table_says_so_where_nothing_is_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(benchmark_pages.stored, "__defaults__", (tmp_path,))
    monkeypatch.setattr(benchmark_pages.ratios, "__defaults__", (tmp_path,))
    for lines in benchmark_pages.TABLES.values():
        assert lines(())[0] in {"Nothing is stored yet.", "Not measured yet."}


def drawn(html: str) -> ElementTree.Element:
    root = ElementTree.fromstring(html)
    found = root.find("svg")
    assert found is not None and found.get("role") == "img"
    return found


def test_ratios_are_drawn_left_and_right_of_one() -> None:
    picture = drawn(svg.dots([svg.Dots("less", 0.5, 0.1), svg.Dots("more", 2.0, None)], "Less, and more."))
    one = next(e for e in picture.iter("line") if e.get("stroke-opacity") == "0.8")
    discs, squares = (list(picture.iter(tag)) for tag in ("circle", "rect"))
    legend, less, more = (float(e.get("cx", "")) for e in discs)
    assert legend < less < float(one.get("x1", "")) < more and len(squares) == 2
    assert picture.get("aria-label") == "Less, and more." and "#000" not in ElementTree.tostring(picture, "unicode")


def test_growth_is_drawn_with_its_labels() -> None:
    lines = [svg.Line("read", ((10, 1), (100, 10)), True), svg.Line("map <x>", ((10, 1), (100, 100)), False)]
    picture = drawn(svg.growth(lines, "Grows & grows.", ("tokens", "MiB")))
    texts = [e.text for e in picture.iter("text")]
    assert {"read", "map <x>", "tokens", "MiB", "10", "100"} <= set(texts)
    assert len(list(picture.iter("polyline"))) == 2


def test_the_slope_is_the_exponent() -> None:
    rows = [{"tokens": n, "bytes": 7.0 * n**1.5} for n in (192, 768, 3072, 12288)]
    assert exponent(rows, "bytes") == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("aten::mkldnn_convolution", "convolution"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("aten::addmm", "matrix products"),
        ("aten::native_group_norm", "normalization"),
        ("aten::_foreach_addcdiv_", "update of the weights"),
        ("aten::copy_", "moving and casting"),
        ("aten::grid_sampler_2d", "sampling pictures"),
        ("aten::silu", "the rest: sums, products, activations"),
    ],
)
def test_operators_have_a_kind(name: str, found: str) -> None:
    assert kind(name) == found


def test_memory_grows_with_the_tokens_and_not_with_their_square() -> None:
    """What the page says of the stored run: read without a map memory is linear, with it a square."""
    for _, _, content in benchmark_pages.stored("growth"):
        for what in ("output_and_variation", "entropy_loss"):
            assert content["exponents"][f"{what}_by_read_bytes"] < 1.2
            assert content["exponents"][f"{what}_by_map_bytes"] > 1.7


def test_the_page_shows_all_tables() -> None:
    text = (ROOT / "book" / "benchmarks.md").read_text(encoding="utf8")
    assert all(f"```{{book-table}} {name}" in text for name in benchmark_pages.TABLES)
