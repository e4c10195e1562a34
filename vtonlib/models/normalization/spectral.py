"""Spectral normalization: a weight divided by the largest factor by which it can lengthen a vector."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

M = TypeVar("M", bound=nn.Module)
_KEYS = {
    "weight_orig": "parametrizations.weight.original",
    "weight_u": "parametrizations.weight.0._u",
    "weight_v": "parametrizations.weight.0._v",
}
_FIRST_STEPS = 15  # a new weight's vectors start as close as torch's own parametrization starts them


class SingularPair(NamedTuple):
    """An estimate of the largest singular value of a matrix and of its unit vectors."""

    value: Float[Tensor, ""]
    """The singular value."""
    left: Float[Tensor, " m"]
    """Unit vector on the side of the outputs."""
    right: Float[Tensor, " n"]
    """Unit vector on the side of the inputs."""


def power_iteration(matrix: Float[Tensor, "m n"], left: Float[Tensor, " m"], steps: int = 1) -> SingularPair:
    """The largest singular value by ``steps`` rounds of v = W'u / norm(W'u), u = Wv / norm(Wv), from u = ``left`` on.

    The value is u'Wv, never more than the true one. Its gradient treats u and v as constants, which is the exact
    gradient once they have converged.

    Raises:
        ValueError: where ``steps`` is less than 1.

    Source: Miyato et al. 2018, algorithm 1. Equation: eq-spectral-norm. Book: sec-alias-generator.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, found {steps}")
    fixed = matrix.detach()
    for _ in range(steps):
        right = F.normalize(fixed.mT @ left, dim=0)
        left = F.normalize(fixed @ right, dim=0)
    return SingularPair(left @ (matrix @ right), left, right)


class SpectralNorm(nn.Module):
    """A parametrization: the weight, as a matrix (outputs, everything else), divided by its largest singular value.

    One round of power iteration at each use while training; in evaluation the stored vectors as they are. The round
    updates the right vector first, as released weights expect: ``torch.nn.utils.parametrizations.spectral_norm`` does
    it the other way round, and after one training step differs from the hook that SPADE was trained with.
    Its state has the same names (``_u``, ``_v``).
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Float[Tensor, "o ..."]) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("_u", F.normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.register_buffer("_v", torch.zeros_like(matrix[0]))
        self._iterate(matrix, _FIRST_STEPS)

    @torch.no_grad()
    def _iterate(self, matrix: Float[Tensor, "m n"], steps: int) -> None:
        if matrix.is_meta:  # shapes without values, of which nothing can be found, slowly
            return
        _, left, right = power_iteration(matrix, self._u, steps)
        self._u.copy_(left)
        self._v.copy_(right)

    def forward(self, weight: Float[Tensor, "o ..."]) -> Float[Tensor, "o ..."]:
        """The normalized weight."""
        matrix = weight.flatten(1)
        if self.training:
            self._iterate(matrix, 1)
        # copies: a second forward pass changes the vectors before the first one's backward pass has read them
        return weight / (self._u.clone() @ (matrix @ self._v.clone()))

    def right_inverse(self, weight: Float[Tensor, "o ..."]) -> Float[Tensor, "o ..."]:
        """What to store when ``weight`` is assigned: itself. Its singular vectors are found anew."""
        self._iterate(weight.detach().flatten(1), _FIRST_STEPS)
        return weight


def spectral_norm(module: M) -> M:
    """``module``, its ``weight`` now under :class:`SpectralNorm`. Book: sec-alias-generator."""
    parametrize.register_parametrization(module, "weight", SpectralNorm(module.weight))  # type: ignore[arg-type]
    return module


def from_hook_key(key: str) -> str:
    """The state-dict key here for one of ``torch.nn.utils.spectral_norm``, the old hook; other keys stay.

    ``conv.weight_orig``, ``conv.weight_u`` and ``conv.weight_v`` are those that change.
    """
    prefix, _, name = key.rpartition(".")
    return ".".join(filter(None, (prefix, _KEYS.get(name, name))))


def to_hook_key(key: str) -> str:
    """The inverse of :func:`from_hook_key`."""
    for name, ours in _KEYS.items():
        if key == ours or key.endswith(f".{ours}"):
            return key.removesuffix(ours) + name
    return key
