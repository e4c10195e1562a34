"""Kinds of checks: none complains of the sound library, and each complains of what it is for."""

from __future__ import annotations

import pytest

from vtonlib.mutation import checks
from vtonlib.mutation.checks import CHECKS, Bench, complaints
from vtonlib.mutation.study import TARGETS, candidates, drawn, is_harmless, rewrites, seen_share, slips


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.sound(0)


def test_nothing_complains_of_the_sound_library(bench: Bench) -> None:
    assert complaints(bench) == dict.fromkeys(CHECKS, "")


@pytest.mark.parametrize(
    ("slip", "cheap"),
    [
        ("the record forgets the scale", {"formula", "law"}),
        ("x and y exchanged", {"formula", "golden"}),
        ("the answer among the inputs", {"law", "golden"}),
        ("keys without a gradient", {"runs", "gradient", "golden"}),
    ],
)
def test_who_notices_a_slip(bench: Bench, monkeypatch: pytest.MonkeyPatch, slip: str, cheap: set[str]) -> None:
    """Without the kinds that train for seconds."""
    monkeypatch.setattr(checks, "CHECKS", {n: c for n, c in CHECKS.items() if n not in ("learns", "truth")})
    assert {kind for kind, text in complaints(bench, slips()[slip]).items() if text} == cheap


def test_keys_that_never_see_the_garment_are_told_by_the_truth(bench: Bench) -> None:
    with slips()["keys never see the garment"].applied(), pytest.raises(AssertionError):
        checks.truth(Bench(0, bench.pool, bench.test))


def test_a_rewording_is_harmless_or_only_rounds_and_a_choice_changes_bits(bench: Bench) -> None:
    assert is_harmless(bench, rewrites()["a square as a product"])
    assert not is_harmless(bench, rewrites()["another activation"])


def test_draws_share_no_fault_and_are_of_the_targets() -> None:
    parts = [[id(mutant) for mutant in drawn(seed, 20)] for seed in range(5)]
    assert len({k for part in parts for k in part}) == 100
    assert {mutant.of for mutant in candidates()} == set(TARGETS)


def test_shares_of_no_mutants_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        seen_share([])
