"""What a network costs at a size, counted without computing it: operations, and the memory that training keeps.

Networks and inputs are built on torch's ``meta`` device, where tensors have shapes and no numbers, so the published
sizes are counted in seconds on any machine. Counted is what torch would be asked to do. How long that takes depends on
the machine, and is not told here.

Book: sec-counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

FLOAT = 4
"""Bytes of a number in 32 bits."""
ADAMW_STATES = 2
"""Numbers that AdamW keeps for each weight: running means of its gradient and of the square."""
MATRIX_PRODUCTS = ("aten.bmm", "aten.baddbmm")
"""What attention is on the meta device: products of batches of matrices."""


def flop_counter() -> FlopCounterMode:
    """Torch's counter, which knows the fused attention of a processor too: without this it counts that as nothing.

    By the formulas that torch has for a GPU's: of the backward pass the scores that are computed again, too.

    Book: sec-comparison.
    """
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    formulas = {
        fused: lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value),
        backward: lambda slope, query, key, value, *_, **__: sdpa_backward_flop_count(slope, query, key, value),
    }
    return FlopCounterMode(display=False, custom_mapping=formulas)


class Flop(NamedTuple):
    """Floating-point operations of a call; a product and a sum are two."""

    attention: int
    """In softmax(q k^T) v, which grows with queries times keys."""
    convolution: int
    """In convolutions."""
    linear: int
    """In linear layers."""

    @property
    def total(self) -> int:
        """All three. Norms, activations and the softmax are not counted."""
        return sum(self)

    @property
    def attention_share(self) -> float:
        """Attention's part of all, 0 to 1."""
        return self.attention / self.total


def count_flop(call: Callable[[], object]) -> Flop:
    """The operations of a call on the meta device.

    Book: sec-counting.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    found = {str(operation): int(count) for operation, count in counter.get_flop_counts().get("Global", {}).items()}
    attention = sum(found.get(name, 0) for name in MATRIX_PRODUCTS)
    convolution = found.get("aten.convolution", 0)
    return Flop(attention, convolution, sum(found.values()) - attention - convolution)


def attention_flop(queries: int, keys: int, width: int) -> int:
    """Of one attention on one sample: q k^T and the product of the map with the values, 2 n m c each.

    ``width`` is that of all heads together: how many there are does not matter.

    Equation: eq-attention-flop. Book: sec-counting.
    """
    return 4 * queries * keys * width


def map_bytes(queries: int, keys: int, heads: int, *, number: int = FLOAT) -> int:
    """Of one sample's explicit attention map, every head's.

    Equation: eq-map-bytes. Book: sec-counting.
    """
    return heads * queries * keys * number


def kept_bytes(
    call: Callable[[], object],
    *,
    parameters: Iterable[Tensor] = (),
    attention: Literal["fused", "maps"] = "fused",
) -> int:
    """Bytes that torch keeps of a call on the meta device for its backward pass, each tensor once, weights left out.

    Args:
        call: a forward pass with gradients.
        parameters: what is not counted.
        attention: as fused kernels work, which keep queries, keys, values, output and a number for each row; or with
            explicit maps, as a softmax written by hand keeps them.

    Book: sec-counting.
    """
    seen = {_storage(tensor): 0 for tensor in parameters}
    alive: list[Tensor] = []  # a tensor that is gone may leave its address to another

    def pack(tensor: Tensor) -> Tensor:
        alive.append(tensor)
        seen.setdefault(_storage(tensor), tensor.untyped_storage().nbytes())
        return tensor

    with ExitStack() as stack:
        stack.enter_context(torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor))
        if attention == "fused":
            stack.enter_context(patch.object(F, "scaled_dot_product_attention", _fused))
        call()
    return sum(seen.values())


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class _Fused(torch.autograd.Function):
    """The shapes that a fused kernel keeps."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """An output that lies in memory by tokens, as the kernels write it, and what is kept beside it."""
        samples, heads, tokens, _ = query.shape
        output = query.new_empty(samples, tokens, heads, value.shape[-1]).transpose(1, 2)
        ctx.save_for_backward(query, key, value, output, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return output


def _fused(query: Tensor, key: Tensor, value: Tensor, *_: object, **__: object) -> Tensor:
    return _Fused.apply(query, key, value)  # type: ignore[no-any-return]


@contextmanager
def recomputed(model: nn.Module, *kinds: type[nn.Module]) -> Iterator[None]:
    """Within this, modules of these kinds keep their inputs alone, as gradient checkpointing does.

    Their insides are computed again for the backward pass, one at a time. A module within another of these kinds is
    left to that one.

    Book: sec-recomputing.
    """
    inside: set[str] = set()
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if isinstance(module, kinds) and not any(name.startswith(f"{outer}.") for outer in inside):
                inside.add(name)
                again = partial(checkpoint, module.forward, use_reentrant=False, preserve_rng_state=False)
                stack.enter_context(patch.object(module, "forward", again))
        yield


class Law(NamedTuple):
    """How a count grows with tokens n: constant + linear n + quadratic n^2.

    Equation: eq-cost-law. Book: sec-scaling-law.
    """

    constant: float
    """What does not grow: done once a picture."""
    linear: float
    """For each token."""
    quadratic: float
    """For each pair of tokens."""

    @classmethod
    def through(cls, first: tuple[int, float], second: tuple[int, float], *, powers: tuple[int, int]) -> Law:
        """The law with these two powers of n alone, 0 to 2, through two points (tokens, count).

        Raises:
            ValueError: where the two points have equal tokens, or the powers are equal.
        """
        (n, count), (m, other) = first, second
        low, high = powers
        if n == m or low == high:
            raise ValueError(f"points at {n} and {m} tokens, powers {low} and {high}: expected different ones")
        determinant = n**low * m**high - n**high * m**low
        found = [0.0, 0.0, 0.0]
        found[low] = (count * m**high - other * n**high) / determinant
        found[high] = (other * n**low - count * m**low) / determinant
        return cls(*found)

    def at(self, tokens: int) -> float:
        """The count at so many tokens."""
        return self.constant + self.linear * tokens + self.quadratic * tokens**2


class Memory(NamedTuple):
    """Bytes that a training step holds, added up; what kernels need in passing comes on top."""

    weights: int
    """All weights."""
    gradients: int
    """Of the trained ones."""
    states: int
    """AdamW's, of the trained ones."""
    kept: int
    """What the backward pass will read: the batch's."""

    @property
    def total(self) -> int:
        """All four."""
        return sum(self)


def training_memory(trained: int, frozen: int, kept: int, *, batch_size: int = 1, number: int = FLOAT) -> Memory:
    """Of ``trained`` and ``frozen`` weights and what one sample keeps, all in numbers of as many bytes.

    Equation: eq-training-memory. Book: sec-counting.
    """
    held = number * trained
    return Memory(held + number * frozen, held, ADAMW_STATES * held, batch_size * kept)


def training_hours(flop: float, *, steps: int, batch_size: int, rate: float, share: float) -> float:
    """Hours of one processor for trainings whose forward pass takes ``flop`` a sample: arithmetic, no measurement.

    The backward pass is taken as twice the forward pass.

    Args:
        flop: of one sample's forward pass.
        steps: updates.
        batch_size: samples of an update.
        rate: operations a second that the processor is sold with.
        share: of it that is assumed to be reached.

    Equation: eq-training-hours. Book: sec-hours.
    """
    return 3 * flop * steps * batch_size / (rate * share) / 3600
