"""The properties themselves: each calls a case's function once or twice more and compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import jaxtyping
import torch
from torch import Tensor, nn
from typechecker import checked

from properties.case import Case
from properties.draws import MASKS, Draw, hints_of

HALVES = (torch.bfloat16, torch.float16)


def tensors(value: Any) -> list[Tensor]:
    """Every tensor in a value, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [t for item in value.values() for t in tensors(item)]
    if isinstance(value, tuple | list):
        return [t for item in value for t in tensors(item)]
    if is_dataclass(value) and not isinstance(value, type):
        return [t for f in fields(value) for t in tensors(getattr(value, f.name))]
    return []


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same value with each tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple | list):
        items = [mapped(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        return replace(value, **{name: mapped(item, change) for name, item in held.items() if tensors(item)})
    return value


def cast(value: Any, dtype: torch.dtype) -> Any:
    """The same value in another precision."""
    return mapped(value, lambda t: t.to(dtype) if t.is_floating_point() else t)


@cache
def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, checked against the shapes in its signature."""
    return jaxtyping.jaxtyped(function, typechecker=checked) if hints_of(function) else function


def rewound(value: Any) -> Any:
    """A generator in the state that it was given in; anything else as it is."""
    return torch.Generator().set_state(value.get_state()) if isinstance(value, torch.Generator) else value


class Trial:
    """One function with one drawn input, and the properties of its result."""

    def __init__(self, name: str, case: Case, draw: Draw) -> None:
        self.case, self.draw = case, draw
        function, self.arguments = case.call(name, draw)
        self.owner = getattr(function, "__self__", None)
        self.function = function
        before = mapped(self.arguments, torch.clone)
        self.result = self.run(self.arguments)
        for old, new in zip(tensors(before), tensors(self.arguments), strict=True):
            assert torch.equal(old.nan_to_num(), new.nan_to_num()), "an input was changed"

    def run(self, arguments: dict[str, Any], dtype: torch.dtype = torch.float32) -> Any:
        """The function's result: from the same state of all generators, in the object's own precision."""
        function = self.function
        if dtype != torch.float32 and self.owner is not None:
            owner = self.owner
            owner = deepcopy(owner).to(dtype) if isinstance(owner, nn.Module) else cast(owner, dtype)
            function = getattr(owner, function.__name__)
        torch.manual_seed(self.draw.seed)
        arguments = {name: rewound(value) for name, value in arguments.items()}
        if self.owner is None or isinstance(self.owner, type):
            return typed(function)(**arguments)
        return typed(function.__func__)(function.__self__, **arguments)

    def checks(self) -> Iterator[Callable[[], None]]:
        """The checks that this case wants."""
        case = self.case
        yield self.kinds
        if self.draw.fill == "empty mask":
            yield self.nothing_inside
            return
        yield self.finite
        yield self.strides
        yield self.precision
        if case.gradient:
            yield self.gradients
        if case.half:
            yield self.halves
        if case.rows:
            yield self.each_row if case.rows == "each" else self.mean_of_rows

    def kinds(self) -> None:
        """Results are as precise as the inputs."""
        given = [t.dtype for t in tensors(self.arguments) if t.is_floating_point()]
        if self.case.dtype == "input" and given:
            for t in tensors(self.result):
                assert not t.is_floating_point() or t.dtype == given[0], f"{t.dtype} from {given[0]}"

    def finite(self) -> None:
        """Finite inputs give finite results."""
        if self.case.finite:
            for t in tensors(self.result):
                assert torch.isfinite(t).all(), "not finite"

    def strides(self) -> None:
        """How inputs lie in memory does not matter."""
        turned = mapped(self.arguments, _turned)
        self._same(self.run(turned), self.result, 1e-5)

    def precision(self) -> None:
        """float64 says the same, to rounding."""
        double = self.run(cast(self.arguments, torch.float64), torch.float64)
        for t in tensors(double):
            wanted = self.case.dtype != "other" and tensors(cast(self.arguments, torch.float64))
            assert not (wanted and t.is_floating_point() and t.dtype != torch.float64), f"{t.dtype} from float64"
        if self.case.exact < 1:
            self._same(self.result, double, self.case.exact)

    def halves(self) -> None:
        """Half precision is computed, or refused in words."""
        for dtype in HALVES:
            try:
                result = self.run(cast(self.arguments, dtype), dtype)
            except (TypeError, ValueError) as error:
                assert len(str(error).split()) > 3 and "float" in str(error), f"{dtype}: {error}"
            except RuntimeError as error:
                raise AssertionError(f"{dtype} is neither computed nor refused in words: {error}") from error
            else:
                for t, precise in zip(tensors(result), tensors(self.result), strict=True):
                    wanted = torch.isfinite(precise) if t.shape == precise.shape else torch.tensor(True)
                    assert torch.isfinite(t)[wanted].all(), f"not finite in {dtype}"

    def gradients(self) -> None:
        """Finite inputs have finite gradients."""
        for gradient in self._gradients():
            assert torch.isfinite(gradient).all(), "a gradient is not finite"

    def nothing_inside(self) -> None:
        """Empty masks."""
        kind = self.case.empty
        for t in tensors(self.result):
            if kind == "zero":
                assert (t == 0).all(), f"{t} where nothing is inside"
            elif kind == "nan":
                assert t.isnan().all(), f"{t} where nothing is inside"
            else:
                assert torch.isfinite(t).all(), f"{t} where nothing is inside"
        for gradient in self._gradients() if kind != "nan" else ():
            assert torch.isfinite(gradient).all() and not (kind == "zero" and gradient.any()), "a gradient"

    def each_row(self) -> None:
        """Rows are computed alone: other rows, in another order, change none."""
        count = self._rows()
        index = torch.randint(count, (max(1, count - 1),), generator=self.draw.generator)
        few = self.run(self._indexed(index))
        self._same(few, mapped(self.result, lambda t: t[index]), max(1e-4, self.case.exact))

    def mean_of_rows(self) -> None:
        """The batch's result is the weighted mean of its rows'."""
        count, weight = self._rows(), self.case.weight
        weights = torch.ones(count) if weight is None else weight(self.arguments).double()
        each = [self.run(self._indexed(torch.tensor([i]))) for i in range(count)]
        for parts, whole in zip(zip(*map(tensors, each), strict=True), tensors(self.result), strict=True):
            rows = torch.stack([part.double() for part in parts])
            mean = (weights * rows).sum() / weights.sum().clamp_min(1e-30)
            torch.testing.assert_close(whole.double(), mean, rtol=1e-3, atol=1e-4)

    def _rows(self) -> int:
        return self.draw.size("b")

    def _indexed(self, index: Tensor) -> dict[str, Any]:
        """The arguments of some rows; what does not begin with the batch's axis stays."""
        hints = hints_of(self.function)
        return {
            name: value if _shared(hints.get(name)) else mapped(value, lambda t: t[index])
            for name, value in self.arguments.items()
        }

    def _gradients(self) -> list[Tensor]:
        learned = {name: value for name, value in self.arguments.items() if not MASKS.search(name)}
        leaves = mapped(learned, lambda t: t.detach().clone().requires_grad_(t.is_floating_point()))
        arguments, leaves = self.arguments | leaves, [t for t in tensors(leaves) if t.requires_grad]
        torch.manual_seed(self.draw.seed)
        results = [t for t in tensors(self.function(**arguments)) if t.requires_grad]
        if not leaves or not results:
            return []
        total = sum(t.float().sum() for t in results)
        return [g for g in torch.autograd.grad(total, leaves, allow_unused=True) if g is not None]

    def _same(self, found: Any, wanted: Any, within: float) -> None:
        for one, other in zip(tensors(found), tensors(wanted), strict=True):
            if other.is_floating_point():
                scale = float(other.detach().double().nan_to_num(0, 0, 0).abs().amax()) if other.numel() else 0.0
                torch.testing.assert_close(
                    one.double(), other.double(), rtol=within, atol=within * max(scale, 0.1), equal_nan=True
                )
            else:
                assert torch.equal(one, other), "whole numbers differ"


def _turned(t: Tensor) -> Tensor:
    return (
        t.transpose(-1, -2).contiguous().transpose(-1, -2)
        if t.ndim > 1
        else t.repeat_interleave(2)[::2]
        if t.ndim
        else t
    )


def _shared(hint: Any) -> bool:
    """Whether a parameter's first axis is not the batch's."""
    dims = getattr(hint, "dim_str", "b")
    return not dims.split() or (dims.split()[0].lstrip("#") not in {"b"} and not dims.startswith("*"))
