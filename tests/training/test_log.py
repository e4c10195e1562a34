from __future__ import annotations

from pathlib import Path

import pytest

from vtonlib.training.log import Progress, TrainLog, read_log


def test_write_and_read(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "run" / "log.jsonl")
    log.write({"step": 1, "loss": 0.1})
    log.write({"step": 2, "loss": 1 / 3}, {"step": 2, "text": "é\n"})
    assert read_log(log.path) == [{"step": 1, "loss": 0.1}, {"step": 2, "loss": 1 / 3}, {"step": 2, "text": "é\n"}]
    assert log.path.read_text().count("\n") == 3
    with pytest.raises(ValueError):
        log.write({"step": 3, "loss": float("nan")})


@pytest.mark.parametrize("torn", ["", "{", '{"step": 3, "lo', '{"step": 3}'])
def test_a_torn_last_line_is_left_out_and_removed(tmp_path: Path, torn: str) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    log.write({"step": 1}, {"step": 2})
    with log.path.open("a") as file:
        file.write(torn)
    assert read_log(log.path) == [{"step": 1}, {"step": 2}]
    log.truncate(2)
    log.write({"step": 3})
    assert read_log(log.path) == [{"step": 1}, {"step": 2}, {"step": 3}]


def test_truncate_forgets_later_steps(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    log.truncate(0)
    assert not log.path.exists()
    log.write(*({"step": step} for step in range(6)))
    log.truncate(3)
    assert [record["step"] for record in read_log(log.path)] == [0, 1, 2, 3]


@pytest.mark.parametrize("line", ["{", "[1]", "3", "", "{}", '{"step": "x"}'])
def test_any_other_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(ValueError, match=r"log.jsonl, line 2"):
        read_log(path)


def test_progress_logs_the_last_update_of_each_phase(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    progress = Progress(log, step=10, steps=20, elapsed=100.0)
    for step in (11, 12):
        progress.note("a", {"step": step, "phase": "a", "loss": 1.0})
        progress.advance(images=4)
    progress.note("b", {"step": 13, "phase": "b", "loss": 2.0})
    progress.flush()
    progress.flush()
    progress.close()
    records = read_log(log.path)
    assert [(r["phase"], r["step"]) for r in records] == [("a", 12), ("b", 13)]
    assert all(r["elapsed"] >= 100 and r["images_per_second"] > 0 for r in records)


def test_bar_shows_loss_rate_and_remaining_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for hidden in (True, False):
        monkeypatch.setenv("TQDM_DISABLE", "1" if hidden else "0")
        progress = Progress(TrainLog(tmp_path / "log.jsonl"), step=5, steps=20, elapsed=0.0)
        progress.note("denoiser", {"step": 6, "phase": "denoiser", "loss": 0.125})
        progress.advance(images=4)
        progress.flush()
        progress.bar.refresh()
        progress.close()
        shown = capsys.readouterr().err
        assert ("6/20" in shown and "denoiser 0.125" in shown and "images/s" in shown and "<" in shown) is not hidden


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    progress = Progress(None, step=0, steps=2, elapsed=0.0)
    progress.note("a", {"step": 1, "loss": 1.0})
    progress.flush()
    progress.close()
    assert progress.bar.disable and not list(tmp_path.iterdir())
