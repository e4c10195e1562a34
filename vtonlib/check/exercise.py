"""Checking a reader's answer: right, a known mistake that has a hint, or what can be said of any wrong answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

Arguments = tuple[Any, ...]
Answer = Callable[..., Any]
Observation = Callable[[Answer, Arguments], Any]
"""What is compared of a function that is given a case's arguments; None where the function returns None."""
WRONG_GRADIENT = (
    "But through a softmax their gradient is missing or another than the formula's: nothing could be trained with it. "
    "Does every part of the formula pass its gradient on?"
)
"""The hint for right values with a finite gradient that is not the reference's."""


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer."""

    name: str
    """What went wrong, in a few words."""
    answer: Answer
    """The wrong answer itself."""
    hint: str
    """What to think about, without the solution."""


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer, how many of how many cases were right, and which known mistake it is."""

    right: bool
    """Whether every case agreed."""
    message: str
    """What the reader is told."""
    score: tuple[int, int] = (0, 0)
    """Cases that agreed, and all cases."""
    mistake: str = ""
    """Name of the known mistake; empty: none, or right."""

    def __repr__(self) -> str:
        return self.message


def returned(function: Answer, arguments: Arguments) -> Any:
    """What ``function`` returns: the observation of an exercise with one right answer."""
    return function(*arguments)


@dataclass(frozen=True)
class Exercise:
    """A task with a reference, cases to try an answer on, and the mistakes that readers make."""

    name: str
    """How :mod:`vtonlib.check` calls it."""
    signature: str
    """Arguments and result with their shapes, for messages."""
    reference: Answer
    """The right answer."""
    cases: Callable[[], Sequence[Arguments]]
    """Makes the arguments of each case, the same every time."""
    mistakes: tuple[Mistake, ...]
    """At least three; the first whose results are the reader's gives the hint."""
    tolerance: float = 1e-4
    """How far a value may be off, relative to the largest value of its case."""
    gradient: str = ""
    """The hint for right values whose gradient is not finite; empty: no gradient is asked for. Otherwise the first
    argument holds rows that sum to 1, and the gradient that counts is that by the logits of their softmax."""
    sides: tuple[str, str] = ("", "")
    """Of a single number that no known mistake gives: what is said where it is too small, and where too large."""
    observe: Observation = returned
    """What is compared of an answer. Where many answers are right it is not what they return, but how they behave."""

    def __call__(self, answer: Any) -> Verdict:
        """Try ``answer``, a function; for an exercise by hand, the value itself. None counts as not started."""
        function = answer if callable(answer) else lambda *_: answer
        wanted = self._results(self.reference)
        try:
            found = self._results(function)
        except NotStarted:
            return Verdict(False, f"Not started: the answer is None. Wanted: {self.signature}")
        except NotANumber as error:
            return Verdict(False, f"Not yet: {error}. Wanted: {self.signature}")
        except Exception as error:
            return Verdict(
                False, f"Not yet: your function raised {type(error).__name__}: {error}. Wanted: {self.signature}"
            )
        good = [self._agree(ours, theirs) for ours, theirs in zip(wanted, found, strict=True)]
        score = (sum(good), len(good))
        if all(good) and self.gradient and (fault := self._gradient_fault(function)):
            hint = self.gradient if fault == "gradient" else WRONG_GRADIENT
            return Verdict(False, f"Not yet: the values are right. {hint}", score, fault)
        if all(good):
            return Verdict(True, f"Right: {_cases(score)}.", score)
        for mistake in self.mistakes:
            if all(map(self._agree, self._results(mistake.answer), found)):
                return Verdict(False, f"Not yet ({_cases(score)}). {mistake.hint}", score, mistake.name)
        first = good.index(False)
        own = self.sides[bool(found[first] > wanted[first])] if found[first].numel() == 1 else ""
        return Verdict(False, f"Not yet ({_cases(score)}). {own or describe(wanted[first], found[first])}", score)

    def _results(self, function: Answer) -> list[Tensor]:
        """What a function makes of each case, as float64; every call gets arguments of its own."""
        found: list[Tensor] = []
        for arguments in self.cases():
            result = self.observe(function, tuple(a.clone() if isinstance(a, Tensor) else a for a in arguments))
            if result is None and found:
                raise NotANumber(f"the answer to case {len(found) + 1} is None")
            if result is None:
                raise NotStarted
            found.append(_tensor(result))
        return found

    def _gradient_fault(self, function: Answer) -> str:
        """What is wrong with the gradient through a softmax: "gradient" if it is not finite, "wrong gradient" if it
        is missing or not the reference's; empty if nothing is."""
        ours = _gradients(self.reference, self.cases())
        try:
            theirs = _gradients(function, self.cases())
        except RuntimeError:  # such as a step through numpy, which takes no tensor with a gradient
            return "wrong gradient"
        if not all(g.isfinite().all() for g in theirs):
            return "gradient"
        return "" if all(map(self._agree, ours, theirs)) else "wrong gradient"

    def _agree(self, wanted: Tensor, found: Tensor) -> bool:
        if wanted.shape != found.shape:
            return False
        size = wanted.nan_to_num(posinf=0, neginf=0).abs().amax().item() if wanted.numel() else 0.0
        return torch.allclose(found, wanted, rtol=0, atol=self.tolerance * max(size, 1e-6), equal_nan=True)


class NotStarted(Exception):
    """The answer is None."""


class NotANumber(Exception):
    """The answer is something that is no number, and no tensor of numbers as they are asked for."""


def _tensor(result: Any) -> Tensor:
    """A result as float64; fractions count as numbers, also as text, such as "5/4", with either sign of minus."""
    try:
        plain = result.replace("\N{MINUS SIGN}", "-") if isinstance(result, str) else result
        value = float(Fraction(plain)) if isinstance(plain, str | Fraction) else plain
        return torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError):
        shown = f" '{result}'" if isinstance(result, str) else ""
        kind = "text" if isinstance(result, str) else f"of type {type(result).__name__}"
        raise NotANumber(f"the answer{shown} is {kind}; expected a number or a tensor") from None


def _gradients(function: Answer, cases: Sequence[Arguments]) -> list[Tensor]:
    """The gradient of the summed result by the logits whose softmax is the first argument; 0 if it needs none."""
    found = []
    for first, *rest in cases:
        logits = first.log().requires_grad_()
        result = function(logits.softmax(-1).clone(), *rest)  # theirs, even to change in place
        no_gradient = torch.zeros_like(logits)
        found.append(torch.autograd.grad(result.sum(), logits)[0] if result.requires_grad else no_gradient)
    return found


def _cases(score: tuple[int, int]) -> str:
    return "the value agrees" if score == (1, 1) else f"{score[0]} of {score[1]} cases agree"


def describe(wanted: Tensor, found: Tensor) -> str:
    """What can be said of any wrong result without saying the right one: its shape, NaN, a constant between the two,
    how many values are off, and to which side."""
    if wanted.shape != found.shape:
        return f"The result should have the shape {list(wanted.shape)}, yours has {list(found.shape)}."
    if found.isnan().any() and not wanted.isnan().any():
        return (
            f"{int(found.isnan().sum())} of your {found.numel()} values are NaN: look for 0/0, or the logarithm of 0."
        )
    difference = (found - wanted).nan_to_num()
    worst = int(difference.abs().argmax())
    place = [int(i) for i in torch.unravel_index(torch.tensor(worst), wanted.shape)]
    side = "large" if difference.flatten()[worst] > 0 else "small"
    if found.numel() == 1:
        return f"Your number is too {side}."
    if torch.allclose(difference, difference.mean(), atol=1e-6):
        return f"All your values are too {side} by the same amount."
    clear = wanted.abs() > 1e-6
    ratio = (found / wanted)[clear]
    if clear.any() and torch.allclose(ratio, ratio.mean(), rtol=1e-4):
        return f"All your values are too {'large' if ratio.mean() > 1 else 'small'} by the same factor."
    off = int((difference.abs() > 1e-4 * wanted.nan_to_num().abs().amax()).sum())
    return f"{off} of {found.numel()} values are off; the farthest, at {place}, is too {side}."


def by_hand(name: str, value: float, question: str, wrong: dict[float, str], *, tolerance: float = 5e-3) -> Exercise:
    """An exercise whose answer is one number; ``wrong`` holds typical wrong numbers and their hints.

    Raises:
        ValueError: with fewer than three typical wrong numbers.
    """
    if len(wrong) < 3:
        raise ValueError(f"{name}: expected at least three typical wrong numbers, found {len(wrong)}")
    mistakes = tuple(Mistake(f"{number:g}", _always(number), hint) for number, hint in wrong.items())
    return Exercise(name, question, _always(value), lambda: [()], mistakes, tolerance, observe=_alone)


def _alone(answer: Answer, arguments: Arguments) -> Any:
    """What is returned; of a list or a tuple of one, the one."""
    result = answer(*arguments)
    return result[0] if isinstance(result, list | tuple) and len(result) == 1 else result


def _always(value: float) -> Answer:
    return lambda: value
