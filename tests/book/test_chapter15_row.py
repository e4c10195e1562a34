"""A row from weights that somebody else trained, as the chapter of the one table says it is added."""

from __future__ import annotations

from pathlib import Path

from vtonlib import checkpoints
from vtonlib.cli import main
from vtonlib.evaluation.report import Report
from vtonlib.presets import preset, to_json


def test_a_pipeline_and_its_settings_are_a_row(tmp_path: Path, capsys) -> None:
    run, photos = tmp_path / "released", tmp_path / "photos"
    size = ["--height", "64", "--width", "48", "--train", "8", "--test", "8", "--format", "png"]
    assert main(["data", "make", str(photos), "--layout", "viton_hd", *size]) == 0
    command = ["evaluate", str(run), "--data", str(photos), "--count", "2"]
    assert main(command) == 2
    assert f"{run}: neither a folder nor the name of a shipped model" in capsys.readouterr().err
    checkpoints.load("leffa-tiny").save_pretrained(run / "final")
    assert main(command) == 2
    assert f"{run}/config.json: no such file" in capsys.readouterr().err
    (run / "config.json").write_text(to_json(preset("leffa")), encoding="utf8")
    assert main(command) == 0
    report = Report.from_json((run / "report.json").read_text(encoding="utf8"))
    assert [table.split for table in report.tables] == ["paired", "unpaired"]
    cells = {}
    for table in report.tables:
        place = [metric.name for metric in table.metrics].index("masked SSIM")
        cells[table.split] = next(row.cells[place] for row in table.rows if row.method == "Leffa")
    assert 0 < cells["paired"].mean < 1
    assert cells["unpaired"] is None or cells["unpaired"].n == 0  # nobody knows what these people would look like
