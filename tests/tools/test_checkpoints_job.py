"""The shipped models' trainings as steps, the numbers that stand for a model, and two models side by side."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from tools import checkpoints as job
from tools import comparison, shell, steps, store, summary
from tools.gpu import LARGEST_CHECKPOINT
from tools.shell import ROOT
from tools.steps import Step
from vtonlib import checkpoints
from vtonlib.cli import parser
from vtonlib.config import override, to_json
from vtonlib.presets import new_task, preset, progressive


def cell(mean: float | None, n: int = 8) -> dict[str, float | int | None]:
    return {"mean": mean, "low": None, "high": None, "n": n}


def report(likeness: float, error: float) -> dict[str, object]:
    """A report of one split, as its JSON has it."""

    def table(split: str, names: list[str], rows: list[tuple[str, str, list[object]]]) -> dict[str, object]:
        metrics = [{"name": name, "unit": "", "better": "higher", "digits": 3} for name in names]
        shown = [{"method": method, "kind": kind, "cells": cells} for method, kind, cells in rows]
        return {"split": split, "metrics": metrics, "rows": shown, "chance": "uniform"}

    rows = [
        ("warps.0", "model", [None, cell(error)]),
        ("warps.1", "model", [None, cell(error + 5)]),
        ("warps.0, other garment", "model", [None, cell(0.0)]),
        ("StableVITON", "model", [cell(likeness), None]),
        ("oracle", "baseline", [cell(1.0, 9), cell(0.0)]),
    ]
    fabrics = [("StableVITON", "model", [cell(1.2), cell(None)]), ("oracle", "baseline", [cell(1.0), cell(1.0)])]
    return {
        "tables": [
            table("unpaired", ["masked SSIM", "EPE of height"], rows),
            table("unpaired: texture ratio by fabric", ["plain", "dots"], fabrics),
        ]
    }


def test_a_summary_holds_the_model_and_not_its_baselines() -> None:
    found = summary.summary(report(0.7, 4.0))
    assert found == {
        "unpaired": {"masked SSIM": 0.7, "EPE of height": 4.0},
        "unpaired: texture ratio by fabric": {"plain": 1.2},
    }
    assert summary.count(report(0.7, 4.0)) == 9


def test_a_summary_of_a_translation_holds_its_own_columns() -> None:
    names = ["texture", "patterned", "FID", "KID", "outside L1", "outside SSIM"]
    metrics = [{"name": name} for name in names]
    rows = [
        {"method": "translation", "kind": "model", "cells": [cell(0.1 * n) for n in range(6)]},
        {"method": "source, unchanged", "kind": "baseline", "cells": [cell(1.0)] * 6},
    ]
    found = summary.summary({"tables": [{"split": "test", "metrics": metrics, "rows": rows}]})
    assert found == {"test": {name: pytest.approx(0.1 * n) for n, name in enumerate(names)}}


def test_a_run_and_the_shipped_model_of_the_same_name_are_told_apart() -> None:
    assert comparison.heads(["runs/x", "x"]) == ["x (own run)", "x (shipped)"]


def test_two_models_stand_side_by_side() -> None:
    page = comparison.text(["own", "shipped"], [summary.summary(report(v, e)) for v, e in ((0.7, 4.0), (0.6, 9.0))])
    assert "| split | metric | own | shipped |" in page
    assert (
        "| unpaired | masked SSIM | 0.700 | 0.600 |" in page and "| unpaired | EPE of height | 4.000 | 9.000 |" in page
    )
    assert "| unpaired: texture ratio by fabric | plain | 1.200 | 1.200 |" in page


def test_the_picture_shows_both_at_one_size(tmp_path: Path) -> None:
    comparison.picture([Path("alias-tiny")] * 2, tmp_path / "both.png")
    rows, columns = comparison.PEOPLE, 5
    with Image.open(tmp_path / "both.png") as picture:
        assert picture.size == (columns * 144 + (columns - 1) * 2, rows * 192 + (rows - 1) * 2)


def test_every_shipped_model_has_a_recipe_that_can_be_resumed() -> None:
    assert set(checkpoints.NAMES + checkpoints.POSES) <= {recipe.name for recipe in job.RECIPES}
    names = [step.name for step in job.steps(job.RECIPES)]
    assert len(set(names)) == len(names)
    for recipe in job.RECIPES:
        last = "config.json" if recipe.bare else "provenance.json"
        assert job.steps((recipe,))[-1].outputs == (f"vtonlib/weights/{recipe.name}/{last}",)


@pytest.mark.parametrize("name", ["leffa", "leffa_pose"])
def test_a_leffa_is_trained_in_the_stages_of_its_preset(name: str) -> None:
    trainings = job.leffa(name)
    for before, training, stage in zip((None, *trainings), trainings, progressive(preset(name)), strict=False):
        config = override(preset(name), *training.settings)
        assert config.task.initial == ("" if before is None else before.run)
        assert dataclasses.replace(config.task, initial="") == stage.task and config.data == stage.data
        common = {"precision": "bf16", "sample_every": 600}
        assert config.train == dataclasses.replace(stage.train, **common)


def test_steps_are_commands_that_exist() -> None:
    for recipe in job.RECIPES:
        for training in recipe.trainings:
            override(preset(training.preset, size=training.size), *training.settings)
    for step in job.steps(job.RECIPES):
        if step.argv[1] == "vtonlib":
            parser().parse_args(list(step.argv[2:]))
        else:
            assert step.argv[1] == "tools.store"


def test_the_recipes_are_what_the_shipped_models_were_trained_by() -> None:
    def differences(stored: object, said: object, path: str = "") -> list[str]:
        if isinstance(stored, dict) and isinstance(said, dict):  # a setting that came later has its default
            return [d for name in stored for d in differences(stored[name], said.get(name), f"{path}.{name}")]
        return [] if stored == said else [f"{path}: {stored} was trained, {said} is in the recipe"]

    found = []
    for recipe in (r for r in job.RECIPES if not r.bare):
        stored = json.loads((ROOT / job.WEIGHTS / recipe.name / "provenance.json").read_text(encoding="utf8"))
        for known, training in zip(stored["trainings"], recipe.trainings, strict=True):
            config = override(preset(training.preset, size=training.size), *training.settings)
            found += differences(known["config"], json.loads(to_json(config)), training.name)
    assert not found


def test_a_recipe_that_reads_what_nobody_made_is_refused() -> None:
    class Orphan(job.Recipe):
        def steps(self) -> list[Step]:
            return [Step(name="fine", argv=(), inputs=("runs/coarse/final",), outputs=("out",))]

    with pytest.raises(ValueError, match=r"fine reads .*coarse/final, which no earlier step leaves"):
        job.steps((Orphan(name="x", trainings=()),))
    one = job.Recipe(name="x", trainings=(job.Training(name="fine", preset="stableviton"),))
    other = dataclasses.replace(one, trainings=(dataclasses.replace(one.trainings[0], settings=("train.steps=2",)),))
    with pytest.raises(ValueError, match="two different steps are called train-fine"):
        job.steps((one, other))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (shell, steps, job):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


def test_a_step_that_runs_out_of_time_is_not_done_and_is_taken_up_again(root: Path) -> None:
    code = "import pathlib, time; p = pathlib.Path('seen'); first = not p.exists(); p.touch(); time.sleep(60 * first)"
    step = Step(name="slow", argv=("-c", f"{code}; pathlib.Path('out').touch()"), outputs=("out",))
    assert not job.perform(step, sys.executable, 2.0) and not step.done()
    if not (root / "seen").exists():
        pytest.skip("this machine did not even start Python in two seconds")
    assert job.perform(step, sys.executable, float("inf")) and step.done()


def test_a_step_that_fails_stops_the_job(root: Path) -> None:
    with pytest.raises(SystemExit, match=r"bad failed with status 3; missing: out"):
        job.perform(Step(name="bad", argv=("-c", "raise SystemExit(3)"), outputs=("out",)), sys.executable, 60)


def test_unknown_models_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="no model is called alias-huge; there are: alias-tiny"):
        job.main(["alias-huge"])
    job.main(["alias-tiny", "--list"])
    said = capsys.readouterr().out
    assert "train-segmentation-tiny" in said and "store-alias-tiny" in said and "stableviton" not in said


def test_a_record_says_what_config_and_log_say(tmp_path: Path) -> None:
    config = {"preset": "alias", "size": "tiny", "train": {"steps": 7, "batch_size": 3, "seed": 5}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "log.jsonl").write_text('{"event": "start", "step": 0}\n{"step": 6, "elapsed": 1800.0}\n')
    (tmp_path / "report.json").write_text(json.dumps(report(0.7, 4.0)))
    made = store.provenance([tmp_path], tmp_path / "report.json", "2 cores")
    (one,) = made.trainings
    assert (one.preset, one.steps, one.batch_size, one.seed, one.hours) == ("alias", 7, 3, 5, 0.5)
    assert one.config == config and made.examples == 9 and made.scores["unpaired"]["masked SSIM"] == 0.7
    assert made.sentence() == "alias tiny (7 steps of 3, 30 minutes): 30 minutes in all, on 2 cores, seed 5."
    with pytest.raises(SystemExit, match=r"no config\.json"):
        store.training(tmp_path / "nowhere")


def test_the_records_are_read_without_torch() -> None:
    code = "import sys; from tools.book import models; models.rows(); assert 'torch' not in sys.modules"
    shell.call(sys.executable, "-c", code, env={"PYTHONPATH": str(ROOT)}, quiet=True)


def test_what_is_to_be_shipped_is_small_enough_to_be_committed() -> None:
    for recipe in job.RECIPES:
        if not recipe.joined:
            config = preset(recipe.trainings[-1].preset, size=recipe.trainings[-1].size)
            task = new_task(config.task, config.data)
            halves = 2 * sum(parameter.numel() for parameter in task.parameters())
            assert halves < 0.98 * LARGEST_CHECKPOINT, recipe.name
