"""Functions with one thing changed: everywhere, for as long as the block lasts, and by rules that can be counted."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import expected_coordinates
from vtonlib.losses.matching import colour_copying
from vtonlib.mutation.change import Mutant, cuts, edited, mechanical
from vtonlib.training.ema import EMA


def small(x: float, y: float = 3.0) -> float:
    """A docstring with the number 7."""
    if x > 10:
        raise ValueError(f"x is {x + 1}")
    return max(x, 2 * y) - 1


def test_every_place_is_changed_once() -> None:
    names = [mutant.name.removeprefix("small: ") for mutant in mechanical(small)]
    assert names == [
        "max(x, 2 * y) - 1 becomes max(x, 2 * y) + 1",
        "max(x, 2 * y) becomes max(2 * y, x)",
        "2 * y becomes 2 / y",
        "2 becomes 3",
        "1 becomes 2",
    ]


def test_a_mutant_computes_what_its_text_says_and_only_in_its_block() -> None:
    found = []
    for mutant in mechanical(small):
        with mutant.applied():
            found.append(small(4.0))
    assert found == pytest.approx([7, 5, 3, 8, 4]) and small(4.0) == 5


def test_numbers_keep_their_sign_statements_go_and_methods_are_left_out() -> None:
    def chosen(x: torch.Tensor) -> torch.Tensor:
        x.add_(1)
        return x.softmax(-1)

    names = [mutant.name.partition(": ")[2] for mutant in mechanical(chosen)]
    assert names == [
        "x.add_(1) is left out",
        "x.add_(1) becomes x",
        "1 becomes 2",
        "x.softmax(-1) becomes x",
        "-1 becomes -2",
    ]


def test_who_imported_the_function_calls_the_changed_one_and_a_raise_ends_it() -> None:
    a, b, ones = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2), torch.ones(1, 1, 2, 2)
    mutant = edited("twice", colour_copying, "(copied - person)", "(2 * copied - 2 * person)")
    with pytest.raises(KeyError), mutant.applied():
        assert colour_copying(a, b, ones) == 4
        raise KeyError
    assert colour_copying(a, b, ones) == 1


def test_decorated_methods_can_be_changed() -> None:
    assert any("_foreach_lerp_" in mutant.name for mutant in mechanical(EMA.update))
    with edited("still", EMA.update, "torch._foreach_lerp_(averages, weights, weight)", "pass").applied():
        pass


@pytest.mark.parametrize(("text", "times"), [("no such text", 0), ("flow", 4)])
def test_a_text_that_is_not_there_once_is_refused(text: str, times: int) -> None:
    with pytest.raises(ValueError, match=f"{times} times"):
        edited("?", expected_coordinates, text, "")


def test_a_text_that_is_no_function_fails_before_anything_is_changed() -> None:
    with pytest.raises(SyntaxError), Mutant("broken", small, "def small(:").applied():
        pass
    assert small(4.0) == 5


def test_a_gradient_is_cut_where_a_statement_names_or_returns_a_value() -> None:
    def chosen(x: torch.Tensor) -> torch.Tensor:
        n, y = len(x), x  # a tuple stays
        y = 2 * x
        y.add_(n)
        return (y.detach() + y).sum()

    def twice(x: torch.Tensor) -> torch.Tensor:
        y = x * x
        return y + x

    assert [mutant.name.partition(": ")[2] for mutant in cuts(chosen)] == ["y = 2 * x without a gradient"]
    slopes = []
    for mutant in cuts(twice):
        x = torch.tensor(3.0, requires_grad=True)
        with mutant.applied():
            value = twice(x)
        assert value.item() == 12
        slopes.append(torch.autograd.grad(value, x)[0].item() if value.requires_grad else 0)
    assert slopes == [1, 0]
