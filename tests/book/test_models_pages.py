"""What the pages say of shipped models and of the speed run follows from their records."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tools.book import models, tables
from tools.shell import ROOT
from vtonlib import checkpoints
from vtonlib.config import override
from vtonlib.presets import preset


@pytest.fixture(scope="module")
def speedrun() -> ModuleType:
    spec = importlib.util.spec_from_file_location("speedrun", ROOT / "benchmarks" / "speedrun.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["speedrun"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_readme_says_how_its_picture_was_made() -> None:
    text = models.README.read_text(encoding="utf8")
    assert models.with_sentence(text) == text, "run: python3 -m tools derive"
    flat = " ".join(text.split())
    assert models.sentence() in flat and f"`{checkpoints.DEFAULT}`" in flat


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"README\.md: expected <!-- Written by"):
        models.with_sentence("# A book")


def test_every_model_stands_on_the_status_page() -> None:
    lines = tables.model_table(())
    for name in checkpoints.NAMES:
        assert any(f"`{name}`" in line and checkpoints.provenance(name).sentence() in line for line in lines)
    lines = tables.pose_table(())
    for name in checkpoints.POSES:
        assert any(f"`{name}`" in line and checkpoints.provenance(name).sentence() in line for line in lines)
    lines = tables.translation_table(())
    for name in checkpoints.TRANSLATIONS:
        assert any(f"`{name}`" in line and checkpoints.provenance(name).sentence() in line for line in lines)
    page = (ROOT / "book" / "status.md").read_text(encoding="utf8")
    assert "```{book-table} models" in page and "```{book-table} translations" in page
    assert "```{book-table} poses" in page
    assert "```{book-table} made" in (ROOT / "book" / "index.md").read_text(encoding="utf8")


def test_trials_are_complete_and_shown() -> None:
    known = models.trials()
    keys = {"name", "date", "setting", "what", "epe_pixels", "masked_ssim", "brought"}
    for trial in known["trials"]:
        assert keys <= trial.keys() and trial["masked_ssim"] and trial["brought"].endswith("."), trial["name"]
    names = [one["name"] for kind in ("trials", "entries") for one in known[kind]]
    assert len(set(names)) == len(names)
    shown = "\n".join(tables.trial_table(()) + tables.speedrun_table(()))
    assert all(name in shown for name in names)


def test_the_preset_is_the_best_entry() -> None:
    best = models.ranked(models.trials()["entries"])[0]
    assert best["quality"] == "gold"
    found = override(preset("stableviton"), *(s for s in best["settings"] if s != "train.precision=bf16"))
    quiet = replace(found.train, save_every=200, sample_every=200)
    assert replace(found, train=quiet) == preset("stableviton")


def test_entries_stand_by_quality_and_then_by_time() -> None:
    run = {"seed": 0, "seconds": 9.0, "masked_ssim": 0.7, "epe_percent": 5.0}
    entry = {"what": "w", "brought": "b", "settings": [], "runs": [run], "machine": "m"}
    qualities = (("slow gold", "gold", 90), ("silver", "silver", 10), ("gold", "gold", 50), ("none", "", 1))
    entries = [{**entry, "name": name, "quality": quality, "seconds": t} for name, quality, t in qualities]
    assert [row[0] for row in models.entry_rows(entries)] == ["gold", "slow gold", "silver", "none"]


def test_a_quality_is_reached_by_all_seeds_or_not_at_all(speedrun: ModuleType) -> None:
    gold = speedrun.QUALITIES[-1]
    assert [q.name for q in speedrun.QUALITIES] == list(reversed(models.QUALITY))
    good = {"masked_ssim": gold.masked_ssim, "epe_percent": gold.epe_percent, "seconds": 1.2}
    blurred, lost = {**good, "masked_ssim": gold.masked_ssim - 0.01}, {**good, "epe_percent": 11.0}
    assert speedrun.best_quality([good]) == "gold"
    assert speedrun.best_quality([good, blurred]) == "silver" and speedrun.best_quality([good, lost]) == "bronze"
    assert speedrun.best_quality([{**good, "epe_percent": 30.0}]) == ""
    made = speedrun.entry("name", "what", "brought", ["train.steps=2"], [good, {**blurred, "seconds": 7.1}])
    assert made["seconds"] == 8 and made["quality"] == "silver"
    assert models.entry_rows([made])[0][0] == "name"


def test_the_page_states_the_rules_that_the_script_has(speedrun: ModuleType) -> None:
    page = " ".join((ROOT / "book" / "speedrun.md").read_text(encoding="utf8").split())
    for quality in speedrun.QUALITIES:
        assert f"*{quality.name.capitalize()}*: {quality.masked_ssim} and {quality.epe_percent:g} %" in page
    assert f"{speedrun.PEOPLE} people" in page
    assert Path(speedrun.TRIALS) == models.TRIALS
