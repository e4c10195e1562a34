from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from vtonlib.evaluation.bootstrap import Interval
from vtonlib.evaluation.report import Metric, Provenance, Report, Row, Table, beats

METRICS = (Metric("EPE", "pixels", "lower", 2), Metric("SSIM", "", "higher"), Metric("FID", "some network", "lower"))
ROWS = (
    Row("up.1", "model", (Interval(4.0, 3.5, 4.5, 20), Interval(0.8, 0.7, 0.9, 20), Interval(3.25, n=20))),
    Row("down.0", "model", (Interval(9.7, 9.1, 10.1, 20), None, None)),
    Row("uniform", "baseline", (Interval(10.0, 9.5, 10.5, 20), Interval(0.65, 0.6, 0.75, 20), Interval(7.0, n=20))),
    Row("agnostic", "baseline", (Interval(math.nan), Interval(0.5, 0.45, 0.55, 20), None)),
)
PROVENANCE = Provenance(
    command="vtonlib evaluate", checkpoint="step-000010", extractor="some network", machine="m", versions={"torch": "2"}
)
REPORT = Report("A report", (Table("paired", METRICS, ROWS, "uniform"),), PROVENANCE)


def test_markdown_shows_every_row_number_and_origin() -> None:
    text = REPORT.markdown()
    assert "| method | EPE (pixels) ↓ | SSIM ↑ | FID (some network) ↓ |" in text
    assert "| up.1 | 4.00 [3.50, 4.50] | 0.800 [0.700, 0.900] | 3.250 |" in text
    assert "| *agnostic* | — | 0.500 [0.450, 0.550] | — |" in text
    assert "Chance level: *uniform*" in text
    for part in ("# A report", "## paired", "`vtonlib evaluate`", "`step-000010`", "some network", "torch 2"):
        assert part in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5}


def test_json_round_trip_keeps_everything_and_has_no_nan() -> None:
    text = REPORT.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    again = Report.from_json(text)
    assert again.to_json() == text
    assert again.markdown() == REPORT.markdown()
    assert again.table("paired").cell("up.1", "EPE") == Interval(4.0, 3.5, 4.5, 20)
    assert again.table("paired").rows[0] == ROWS[0] or math.isnan(ROWS[0].cells[2].low)
    assert again.provenance == PROVENANCE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"title": "x", "tables": [{}], "provenance": {}}', "null"])
def test_other_json_is_refused_and_its_file_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"runs/report.json: not a report"):
        Report.from_json(text, where="runs/report.json")


def test_save_replaces_whole_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "05"
    for title in ("first", "second"):
        paths = replace(REPORT, title=title).save(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["report.json", "report.md"]
    assert Report.from_json(paths[1].read_text(encoding="utf-8")).title == "second"
    assert paths[0].read_text(encoding="utf-8").startswith("# second\n")


def test_an_interrupted_save_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    REPORT.save(tmp_path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        replace(REPORT, title="new").save(tmp_path)
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == REPORT.markdown()


def test_beats_needs_intervals_that_do_not_overlap_in_the_right_direction() -> None:
    assert beats(REPORT, "paired", "EPE", "up.1", "uniform")
    assert not beats(REPORT, "paired", "EPE", "uniform", "up.1")
    assert not beats(REPORT, "paired", "EPE", "down.0", "uniform")
    assert beats(REPORT, "paired", "SSIM", "up.1", "agnostic")
    assert not beats(REPORT, "paired", "SSIM", "agnostic", "up.1")
    assert not beats(REPORT, "paired", "SSIM", "up.1", "uniform")


def test_without_an_interval_nothing_is_beaten() -> None:
    assert not beats(REPORT, "paired", "FID", "up.1", "uniform")
    assert not beats(REPORT, "paired", "SSIM", "down.0", "uniform")
    assert not beats(REPORT, "paired", "EPE", "up.1", "agnostic")


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no split 'cross'; there are: paired"):
        beats(REPORT, "cross", "EPE", "up.1", "uniform")
    with pytest.raises(KeyError, match="no metric 'epe'; there are: EPE, SSIM, FID"):
        beats(REPORT, "paired", "epe", "up.1", "uniform")
    with pytest.raises(KeyError, match=r"no method 'up.2'; there are: up.1, down.0, uniform, agnostic"):
        beats(REPORT, "paired", "EPE", "up.2", "uniform")


def test_a_table_is_checked() -> None:
    with pytest.raises(ValueError, match="row 'x' has 1 cells, expected 3"):
        Table("paired", METRICS, (Row("x", "model", (None,)),), "uniform")
    with pytest.raises(ValueError, match="a method occurs twice"):
        Table("paired", METRICS, (ROWS[0], ROWS[0]), "uniform")


def test_collect_finds_the_versions() -> None:
    about = Provenance.collect(command="c", checkpoint="k", extractor="")
    assert set(about.versions) == {"vtonlib", "python", "torch", "torchmetrics", "diffusers"}
    assert "CPU" in about.machine
    assert "FID and KID through: not computed" in replace(REPORT, provenance=about).markdown()
