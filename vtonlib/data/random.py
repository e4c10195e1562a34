"""Random numbers that are a function of their name: no state, no order, the same on every device.

Every number is a hash of (key, name), where the key stands for one body, one garment or one picture. So an example
never depends on what else is drawn, on the batch it is drawn in, or on the device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

Ranges = Mapping[str, tuple[float, float]]


def _signed(value: int) -> int:
    """A 64-bit pattern as the int64 that torch holds it in."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _shift_right(x: Int[Tensor, "*s"], bits: int) -> Int[Tensor, "*s"]:
    """Logical shift: torch's own repeats the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Int[Tensor, "*s"]) -> Int[Tensor, "*s"]:
    """Scramble 64-bit integers one to one, so that neighbours share nothing.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood 2014); int64 products wrap around as uint64's do.
    """
    x = x + _signed(0x9E3779B97F4A7C15)
    x = (x ^ _shift_right(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift_right(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift_right(x, 31)


@lru_cache(maxsize=4096)
def _name_hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...], device: torch.device) -> Int[Tensor, " n"]:
    return torch.tensor([_name_hash(name) for name in names], dtype=torch.long, device=device)


def keys(identity: Int[Tensor, " b"], seed: int, stream: str) -> Int[Tensor, " b"]:
    """One key per identity: the start of its own stream of numbers."""
    return mix(mix(identity.long() ^ _name_hash(stream)) + _signed(seed * 0x9E3779B97F4A7C15))


def draw(key: Int[Tensor, " b"], ranges: Ranges) -> dict[str, Float[Tensor, " b"]]:
    """One uniform number per key and name, each within its range [low, high)."""
    names = tuple(ranges)
    bits = mix(mix(key)[:, None] ^ _names(names, key.device))
    unit = _shift_right(bits, 40).float() * 2.0**-24
    low, high = torch.tensor([ranges[name] for name in names], device=key.device).unbind(1)
    return dict(zip(names, (low + unit * (high - low)).unbind(1), strict=True))


def choose(unit: Float[Tensor, "*s"], weights: Sequence[float]) -> Int[Tensor, "*s"]:
    """Uniform numbers in [0, 1) as choices 0..n-1 with these weights."""
    edges = torch.tensor(weights, device=unit.device, dtype=torch.float64).cumsum(0)
    return torch.bucketize(unit.double().contiguous(), edges[:-1] / edges[-1], right=True)
