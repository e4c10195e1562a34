"""Every exercise: the reference passes, each typical wrong answer gets its own hint, and nothing else slips through."""

from __future__ import annotations

import re
from fractions import Fraction
from types import FunctionType

import numpy as np
import pytest
import torch
from torch import Tensor

from vtonlib import check
from vtonlib.check.exercise import Exercise, Mistake, by_hand, describe

EXERCISES = {name: getattr(check, name) for name in check.__all__}
PAIRS = [(name, mistake) for name, exercise in EXERCISES.items() for mistake in exercise.mistakes]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_is_right(name: str) -> None:
    exercise = EXERCISES[name]
    verdict = exercise(exercise.reference)
    assert verdict.right and repr(verdict).startswith("Right: ") and verdict.score[0] == verdict.score[1]
    assert exercise.name == name and len(exercise.mistakes) >= 3


@pytest.mark.parametrize(("name", "mistake"), PAIRS, ids=[f"{n}-{m.name}" for n, m in PAIRS])
def test_each_mistake_gets_its_hint(name: str, mistake: Mistake) -> None:
    verdict = EXERCISES[name](mistake.answer)
    assert not verdict.right and verdict.mistake == mistake.name
    assert mistake.hint in repr(verdict) and repr(verdict).startswith("Not yet")


def is_same(a: object, b: object) -> bool:
    """Whether two arguments are alike; of functions, whether they are the same lines."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return torch.equal(a, b)
    return a.__code__ is b.__code__ if isinstance(a, FunctionType) and isinstance(b, FunctionType) else a == b


@pytest.mark.parametrize("name", EXERCISES)
def test_cases_are_the_same_every_time_and_differ(name: str) -> None:
    first, second = EXERCISES[name].cases(), EXERCISES[name].cases()
    for one, two in zip(first, second, strict=True):
        assert all(is_same(a, b) for a, b in zip(one, two, strict=True))
    # an exercise by hand has no arguments; a function has lines, everything else a shape
    kinds = [a.__code__ if isinstance(a, FunctionType) else tuple(a.shape) for a, *_ in filter(None, first)]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("name", EXERCISES)
def test_unfinished_and_failing_answers_are_told_apart(name: str) -> None:
    exercise = EXERCISES[name]
    assert repr(exercise(lambda *_: None)).startswith("Not started") and repr(exercise(None)).startswith("Not started")

    def failing(*_: object) -> None:
        raise TypeError("no such axis")

    assert "TypeError: no such axis" in repr(exercise(failing))


def test_what_was_counted_is_not_what_was_measured() -> None:
    measured = check.blind_together
    assert measured(2.1104).right and not measured("16/7").right and check.by_hand_9_4("16/7").right


def test_general_hints() -> None:
    exercise = check.expected_coordinates
    right = exercise.reference

    def nan_at_first(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        result = right(a, g)
        result[0, 0] = torch.nan
        return result

    def noisy(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        result = right(a, g)
        result[0, 1, 1] += 0.25
        return result

    assert "too large by the same factor" in repr(exercise(lambda a, g: 2 * right(a, g)))
    assert "too small by the same factor" in repr(exercise(lambda a, g: right(a, g) / 3))
    assert "too small by the same amount" in repr(exercise(lambda a, g: right(a, g) - 0.5))
    assert "2 of your 20 values are NaN" in repr(exercise(nan_at_first))
    assert "1 of 20 values are off; the farthest, at [0, 1, 1], is too large." in repr(exercise(noisy))
    assert "the shape [2, 5, 2], yours has [2, 2, 5]" in repr(exercise(lambda a, g: right(a, g).mT))


def test_part_of_the_cases_is_counted() -> None:
    exercise = check.masked_mean
    seen: list[int] = []

    def sometimes(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen.append(1)
        return exercise.reference(x, mask) + (0.5 if len(seen) == 2 else 0)

    verdict = exercise(sometimes)
    assert verdict.score == (2, 3) and "2 of 3 cases agree" in repr(verdict)


def test_an_answer_cannot_spoil_the_arguments() -> None:
    def spoiling(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        result = check.masked_mean.reference(x, mask)
        x.zero_(), mask.zero_()
        return result

    assert check.masked_mean(spoiling).right


def test_numbers_by_hand() -> None:
    exercise = by_hand("x", 0.25, "a number", {0.5: "half of it", 1.0: "a mean", 4.0: "upside down"})
    assert exercise(0.25).right and exercise(0.2504).right and not exercise(0.26).right
    assert "half of it" in repr(exercise(0.5)) and repr(exercise(None)).startswith("Not started")
    with pytest.raises(ValueError, match="at least three"):
        by_hand("x", 1, "", {2: ""})


def test_a_wrong_exercise_would_be_found() -> None:
    twins = Mistake("a", lambda x: x + 1, "first"), Mistake("b", lambda x: 1 + x, "second")
    exercise = Exercise("e", "x", lambda x: x, lambda: [(torch.arange(3.0),)], twins)
    assert exercise(twins[1].answer).mistake != "b"


@pytest.mark.parametrize("name", EXERCISES)
def test_no_general_hint_gives_the_answer_away(name: str) -> None:
    """From a wrong number and its hint the right one does not follow: the same hint fits two right answers."""
    right = EXERCISES[name]._results(EXERCISES[name].reference)[0]
    for found in (
        right + 0.123,
        right - 0.456,
        right * 1.7,
        right + 0.1 * torch.linspace(0, 1, right.numel()).view_as(right),
    ):
        said = describe(right, found)
        place = list(torch.unravel_index((found - right).abs().argmax(), right.shape))
        numbers = [float(x) for x in re.findall(r"-?\d+\.\d+", said)]
        assert numbers == [], (said, place)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("expected_coordinates", lambda a, g: (a.sum(1) @ g).flip(-1)),
        ("log_loss", lambda r, f: -(r.sigmoid().log() + 1 - f.sigmoid().log()).mean()),
        ("log_loss", lambda r, f: -(r.sigmoid().log().mean() + 1 - f.sigmoid().log().mean())),
        ("row_entropy", lambda a: -(a * a.log()).sum(-1)),
        ("region_mean", lambda x, m: (m * x).sum((2, 3)) / m.sum((2, 3))),
        ("region_mean", lambda x, m: (m * x).sum((2, 3)) / m.sum((2, 3)).clamp_min(1)),
        ("masked_mean", lambda x, m: x.mean()),
    ],
)
def test_faulty_code_that_exercises_hand_out_gets_a_hint_of_its_own(name: str, code) -> None:
    assert EXERCISES[name](code).mistake


def test_fractions_count_and_other_things_are_named() -> None:
    exercise = by_hand("x", 1.25, "a number", {0.5: "half", 1.0: "a mean", 4.0: "upside down"})
    assert exercise("5/4").right and exercise(Fraction(5, 4)).right and exercise("1.25").right
    assert exercise(np.float32(1.25)).right and exercise([1.25]).right
    assert by_hand("y", -0.25, "", {1: "", 2: "", 3: ""})("\N{MINUS SIGN}1/4").right
    assert "half" in repr(exercise("1/2"))
    for wrong, named in (("five quarters", "'five quarters' is text"), ({}, "of type dict"), ("1/0", "is text")):
        assert named in repr(exercise(wrong)) and "Not yet" in repr(exercise(wrong))


def test_an_entropy_that_trains() -> None:
    """Right values are not enough: through a masked softmax some of them have NaN gradients."""
    exercise = check.row_entropy
    for stuck in (lambda a: torch.special.entr(a).sum(-1), lambda a: -torch.xlogy(a, a).sum(-1)):
        verdict = exercise(stuck)
        assert not verdict.right and verdict.mistake == "gradient" and "softmax" in repr(verdict)
        logits = torch.tensor([[0.0, 1.0, -torch.inf]], requires_grad=True)
        stuck(logits.softmax(-1)).sum().backward()
        assert logits.grad is not None and logits.grad.isnan().any()
    assert exercise(lambda a: -(a * torch.where(a > 0, a, 1.0).log()).sum(-1)).right
    assert exercise(lambda a: -(a * a.clamp_min(1e-30).log()).sum(-1)).right
    assert exercise(lambda a: -(a * (a + 1e-6).log()).sum(-1)).mistake == "a little added"


@pytest.mark.parametrize(
    "answer",
    [
        lambda a: check.row_entropy.reference(a.detach()),
        lambda a: check.row_entropy.reference(a).detach() + 0 * a.sum(-1),
        lambda a: -(a.detach() * a.clamp_min(torch.finfo(a.dtype).tiny).log()).sum(-1),
        lambda a: 2 * check.row_entropy.reference(a.detach()) - check.row_entropy.reference(a),
        lambda a: check.row_entropy.reference(torch.from_numpy(a.numpy())),
    ],
    ids=["no graph", "a gradient of 0", "of the logarithm alone", "uphill", "numpy"],
)
def test_an_entropy_with_right_values_that_cannot_train(answer) -> None:
    verdict = check.row_entropy(answer)
    assert not verdict.right and verdict.mistake == "wrong gradient" and "through a softmax" in repr(verdict)
    assert verdict.score[0] == verdict.score[1]


@pytest.mark.parametrize("exercise", [check.masked_entropy, check.head_disagreement], ids=lambda each: each.name)
def test_losses_on_entropy_that_cannot_train(exercise: Exercise) -> None:
    def answer(entropy):
        if exercise is check.head_disagreement:
            return lambda a: entropy(a.mean(1)) - entropy(a).mean(1)
        return lambda a, m: (entropy(a).mean(1) * m).sum() / m.sum().clamp_min(1e-30)

    def clamped(a: torch.Tensor) -> torch.Tensor:
        return -(a * a.clamp_min(1e-30).log()).sum(-1)

    stuck = exercise(answer(lambda a: torch.special.entr(a).sum(-1)))
    assert not stuck.right and stuck.mistake == "gradient" and stuck.score[0] == stuck.score[1]
    constant = exercise(answer(lambda a: clamped(a.detach()) + 0 * a.sum(-1)))
    assert not constant.right and constant.mistake == "wrong gradient"
    assert exercise(answer(clamped)).right


def test_a_gradient_by_another_way_is_right() -> None:
    tiny = torch.finfo(torch.float32).tiny

    def in_place(a: torch.Tensor) -> torch.Tensor:
        logarithm = a.detach().clamp_min(tiny).log()  # what is lost is the same for all keys: the softmax drops it
        return -a.mul_(logarithm).sum(-1)

    assert check.row_entropy(in_place).right
    assert check.row_entropy(lambda a: torch.distributions.Categorical(probs=a).entropy()).right


def test_a_right_number_that_was_rounded_is_not_called_a_mistake() -> None:
    """To one decimal 7.7's answer is also that of who exchanges height and width: the hint holds for both."""
    exercise = check.uniform_error
    assert exercise(10.77).right and exercise("10.774").right
    for ambiguous in (10.8, 10.8008):
        assert not exercise(ambiguous).right and "If you rounded to one decimal" in repr(exercise(ambiguous))


def test_infinite_results_match_no_finite_mistake() -> None:
    exercise = Exercise(
        "e", "x", lambda x: x, lambda: [(torch.arange(3.0),)], (Mistake("inf", lambda x: x / 0, "hint"),)
    )
    assert exercise(lambda x: x + 1).mistake == "" and exercise(lambda x: x / 0).mistake == "inf"


@pytest.mark.parametrize(
    "repair",
    [
        lambda x, read, z, p: x + x @ z.mT + read @ p.mT @ z.mT,
        lambda x, read, z, p: x + (x + (x + read) @ p.mT) @ z.mT,
        lambda x, read, z, p: x + (read + read @ p.mT) @ z.mT,
        lambda x, read, z, p: x + (1 + read @ p.mT) @ z.mT,
    ],
    ids=["written out", "p acts on x too", "what was read goes round p", "a bias"],
)
def test_a_dead_block_may_be_repaired_in_many_ways(repair) -> None:
    """What the answer returns after repair differs; that it begins as x, and that both maps learn, does not."""
    assert check.connected(repair).right


def test_a_repair_whose_result_has_another_shape_or_no_gradient() -> None:
    assert "has the shape [2, 5, 3], x has [2, 5, 4]" in repr(check.connected(lambda x, read, z, p: x[..., :3]))
    right = check.connected.reference
    assert check.connected(lambda x, read, z, p: right(x, read, z.detach(), p.detach())).mistake == "dead"


def test_an_estimate_is_no_count() -> None:
    """Half of the branch is dead, by an estimate; the exercise asks to count."""
    assert check.dead_share(0.499).right and check.dead_share(174_062_080 / 348_750_720).right
    for guess in (0.5, "1/2", 0.5009, 0.498):
        assert not check.dead_share(guess).right
    assert "Count" in repr(check.dead_share(0.5)) and "rounded" in repr(check.dead_share(174 / 349))


def test_a_repair_in_which_p_does_not_act_on_what_was_read() -> None:
    """z then reads without p, and p moves x alone: both learn, and yet it is not the path that was asked for."""
    verdict = check.connected(lambda x, read, z, p: x + (read + x @ p.mT) @ z.mT)
    assert verdict.mistake == "one map idle"


def test_a_reader_who_holds_the_whole_map_is_told_and_one_who_reads_pieces_of_keys_is_right() -> None:
    def chunked(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
        return torch.cat([(q @ key.mT / query.shape[1] ** 0.5).softmax(-1) @ value for q in query.chunk(rows)])

    def online(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
        total, result = torch.zeros(len(query), 1), torch.zeros(len(query), value.shape[1])
        for k, v in zip(key.split(rows), value.split(rows), strict=True):
            weight = (query @ k.mT / query.shape[1] ** 0.5).exp()
            total, result = total + weight.sum(-1, keepdim=True), result + weight @ v
        return result / total

    assert check.piecewise_read(chunked).mistake == "whole map"
    assert check.piecewise_read(online).right


def test_a_wrong_yes_and_a_wrong_no_are_told_apart() -> None:
    passing = check.row_check(lambda f: bool((f(torch.tensor([[-2.0, 1, 0]])) >= 0).all()))
    assert not passing.mistake and "passes something that is no attention" in repr(passing)
    refusing = check.row_check(lambda f: torch.equal(f(torch.eye(3)), (3 * torch.eye(3)).softmax(-1)))
    assert not refusing.mistake and "refuses something that is an attention" in repr(refusing)


def test_none_in_a_later_case_is_no_unfinished_answer() -> None:
    found = check.smallest_set(lambda seen: 2 if seen.any(1).all() else None)
    assert "case 2 is None" in repr(found)
