"""Kinds of checks: none complains of the sound library, and each complains of what it is for."""

from __future__ import annotations

import pytest

from vtonlib.attention.core import attend
from vtonlib.mutation import checks
from vtonlib.mutation.bench import Bench
from vtonlib.mutation.change import edited
from vtonlib.mutation.checks import CHECKS, complaints
from vtonlib.mutation.study import (
    TARGETS,
    candidates,
    drawn,
    drawn_cuts,
    is_harmless,
    rewrites,
    seen_share,
    slips,
    wilson,
)


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
        ("keys with half a gradient", {"gradient", "golden"}),
        ("keys never see the garment", {"law", "golden"}),
    ],
)
def test_who_notices_a_slip(bench: Bench, monkeypatch: pytest.MonkeyPatch, slip: str, cheap: set[str]) -> None:
    """Without the kinds that train for seconds."""
    monkeypatch.setattr(checks, "CHECKS", {n: c for n, c in CHECKS.items() if n not in ("runs", "learns", "truth")})
    assert {kind for kind, text in complaints(bench, slips()[slip]).items() if text} == cheap


def test_the_truth_notices_a_training_that_ends_far_from_it(bench: Bench) -> None:
    with slips()["gradients never cleared"].applied(), pytest.raises(AssertionError):
        checks.truth(Bench(0, bench.pool, bench.test))


def test_a_map_is_noticed_by_a_law(bench: Bench) -> None:
    with rewrites()["attention some rows at a time"].applied():
        checks.law(bench)
    always = edited("always the map", attend, "precise is torch.bfloat16 and", "precise is torch.bfloat16 or")
    with always.applied(), pytest.raises(AssertionError):
        checks.law(bench)


def test_a_cut_is_of_a_place_that_gradients_pass(bench: Bench) -> None:
    cut = {mutant.name: mutant for mutant in drawn_cuts(0, 100)}
    assert len(cut) > 30
    name = next(name for name in cut if name.startswith("colour_copying: return masked_mean"))
    with cut[name].applied():
        assert not bench.task().matcher_loss(bench.pool[:1])["copy"].requires_grad


def test_a_rewording_is_harmless_or_only_rounds_and_a_choice_changes_bits(bench: Bench) -> None:
    assert is_harmless(bench, rewrites()["a square as a product"])
    assert not is_harmless(bench, rewrites()["another activation"])


def test_draws_share_no_fault_and_are_of_the_targets() -> None:
    parts = [[id(mutant) for mutant in drawn(seed, 20)] for seed in range(10)]
    assert len({k for part in parts for k in part}) == 200
    assert {mutant.of for mutant in candidates()} == set(TARGETS)


def test_shares_of_no_mutants_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        seen_share([])


@pytest.mark.parametrize(("count", "of"), [(0, 36), (5, 36), (36, 36)])
def test_the_ends_of_an_interval_are_where_the_count_is_as_unlikely_as_allowed(count: int, of: int) -> None:
    """Wilson's own condition: the count lies 1.96 standard deviations, of that end, from its mean."""
    share = count / of
    for end in wilson(count, of):
        assert (share - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / of, abs=1e-9)
    assert wilson(count, of)[0] <= share <= wilson(count, of)[1]
