"""What claims must say of themselves: hypotheses, tolerances, and what every change measures again at what cost."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tools.book import claims, measure
from tools.book.claims import Claim

RECORD: dict[str, Any] = {
    "statement": "It is {m}.",
    "section": "sec-x",
    "device": "cpu",
    "seeds": [0, 1],
    "again": "one seed",
    "metrics": {"m": {"values": [0.4, 0.5], "interval": [-0.1853, 1.0853]}},
    "conditions": [
        {"metric": "m", "op": "<=", "bound": 1.0, "of": "every seed", "hypothesis": "It stays below one."},
    ],
    "measured": {"seconds": 30.0, "command": "c", "date": "d", "machine": {}, "versions": {}},
}


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "FOLDER", tmp_path)
    (tmp_path / "c.py").write_text("def measure(seed):\n    return {'m': 0.4 + 0.1 * seed}\n")


def made(**changes: Any) -> Claim:
    return Claim("c", {**copy.deepcopy(RECORD), **changes})


def test_a_whole_record_is_accepted() -> None:
    assert claims.problems(made()) == []


def test_a_condition_without_hypothesis_is_refused() -> None:
    for hypothesis in ({}, {"hypothesis": ""}, {"hypothesis": "m is small"}):
        bare = {k: v for k, v in RECORD["conditions"][0].items() if k != "hypothesis"}
        found = claims.problems(made(conditions=[bare | hypothesis]))
        assert len(found) == 1 and "in words what it tests" in found[0]


@pytest.mark.parametrize(
    ("entry", "loose"),
    [({"tolerance": 0.25}, False), ({"tolerance": 0.26}, True), ({"within": 0.1}, False), ({"within": 0.2}, True)],
)
def test_a_loose_tolerance_needs_a_reason(entry: dict[str, Any], loose: bool) -> None:
    metric = RECORD["metrics"]["m"] | entry
    assert ["may move by more than 25%" in p for p in claims.problems(made(metrics={"m": metric}))] == [True] * loose
    assert claims.problems(made(metrics={"m": metric | {"why": "It is noisy."}})) == []


def test_within_replaces_the_relative_tolerance() -> None:
    claim = made(metrics={"m": RECORD["metrics"]["m"] | {"within": 0.1}})
    assert claims.differences(claim, "m", [0.49]) == [] and len(claims.differences(claim, "m", [0.51])) == 1


@pytest.mark.parametrize(
    ("again", "seeds", "seconds"), [("all seeds", 2, 30), ("one seed", 1, 15), ("on demand", 0, 0)]
)
def test_every_change_measures_what_the_claim_says(again: str, seeds: int, seconds: float) -> None:
    claim = made(again=again)
    assert len(claim.daily_seeds) == seeds and claim.daily_seconds == seconds
    assert claims.problems(claim) == []


def test_what_cannot_be_done_is_refused() -> None:
    assert any("expected one of" in p for p in claims.problems(made(again="weekly")))
    assert any("needs a GPU" in p for p in claims.problems(made(device="cuda")))
    both = claims.problems(made(benchmark={"command": "x", "results": []}))
    assert any('so "again" must be "stored benchmark"' in p for p in both)


def test_a_stored_benchmark_names_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    claim = made(again="stored benchmark", benchmark={"command": "python b.py", "results": ["b.json"]})
    assert len(claims.problems(claim)) == 1
    (tmp_path / "b.json").write_text("{}")
    assert claims.problems(claim) == [] and claim.daily_seconds == 0 and len(claim.daily_seeds) == 2


def test_the_cost_of_a_benchmark_is_what_its_results_say() -> None:
    runs = {"0": {"seconds": {"a": 1.5, "b": 2}, "steps": 9}, "1": {"seconds": 3, "parts": [{"seconds": 4}]}}
    assert measure.recorded_seconds({"runs": runs, "seconds_note": 7}) == 10.5


def test_verifying_finds_moved_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.verify(made(), [0]) == [] and "1 of 2 seeds measured again, as stored" in capsys.readouterr().out
    moved = made(metrics={"m": {"values": [0.3, 0.5], "interval": claims.rounded(made(), "m")}})
    moved.record["metrics"]["m"]["interval"] = claims.rounded(moved, "m")
    assert len(measure.verify(moved, [0, 1])) == 1
    assert measure.verify(made(again="on demand"), []) == [] and "on demand (15 s a seed)" in capsys.readouterr().out


def test_a_claim_of_other_seeds_than_the_results_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "c.py"
    script.write_text(script.read_text() + "def seeds():\n    return [0, 1]\n")
    assert measure.verify(made(), [0]) == []
    script.write_text(script.read_text().replace("[0, 1]", "[0, 1, 2]"))
    for job in (lambda: measure.verify(made(), [0]), lambda: measure.store(made())):
        with pytest.raises(SystemExit, match=r"of the seeds \[0, 1\], but the results are of \[0, 1, 2\]"):
            job()


def test_too_much_is_named() -> None:
    known = {"a": made(again="all seeds"), "b": made(again="one seed")}
    assert claims.budget_problems(known) == []
    known["a"].record["measured"]["seconds"] = 186.0
    assert claims.budget_problems(known) == ["claims: measured again with every change, they take 201 s, allowed 200"]


def test_the_books_claims_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert claims.load() and claims.budget_problems(claims.load()) == []
