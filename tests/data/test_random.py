"""Numbers that are functions of their names."""

from __future__ import annotations

import torch

from vtonlib.data.random import choose, draw, keys, mix

IDENTITY = torch.arange(20_000)


def splitmix64(x: int) -> int:
    """SplitMix64's output for state x, in Python's own integers."""
    m = (1 << 64) - 1
    x = (x + 0x9E3779B97F4A7C15) & m
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & m
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & m
    return x ^ (x >> 31)


def test_mix_is_splitmix64() -> None:
    assert splitmix64(0) == 0xE220A8397B1DCDAF  # its published first output for seed 0
    numbers = [0, 1, 2, 12345, 2**40 + 7, 2**63 - 1]
    assert [n % 2**64 for n in mix(torch.tensor(numbers)).tolist()] == [splitmix64(n) for n in numbers]


def test_draws_do_not_depend_on_order_or_company() -> None:
    key = keys(IDENTITY[:50], 3, "body")
    both = draw(key, {"a": (0.0, 1.0), "b": (-2.0, 5.0)})
    assert torch.equal(both["b"], draw(key, {"b": (-2.0, 5.0)})["b"])
    assert torch.equal(both["a"][17:18], draw(keys(IDENTITY[17:18], 3, "body"), {"a": (0.0, 1.0)})["a"])


def test_draws_are_uniform_and_independent() -> None:
    unit = {"a": (0.0, 1.0), "b": (0.0, 1.0)}
    u = draw(keys(IDENTITY, 0, "body"), unit)
    other = draw(keys(IDENTITY, 1, "body"), unit)
    stream = draw(keys(IDENTITY, 0, "pose"), unit)
    error = 5 / len(IDENTITY) ** 0.5
    assert abs(float(u["a"].mean()) - 0.5) < error * 12**-0.5
    assert 0 <= float(u["a"].min()) and float(u["a"].max()) < 1
    for x in (u["b"], other["a"], stream["a"], u["a"].roll(1)):
        assert abs(float(torch.corrcoef(torch.stack((u["a"], x)))[0, 1])) < error


def test_choices_follow_their_weights() -> None:
    picked = choose(draw(keys(IDENTITY, 0, "x"), {"u": (0.0, 1.0)})["u"], (1.0, 0.0, 3.0))
    share = torch.bincount(picked, minlength=3) / len(picked)
    torch.testing.assert_close(share, torch.tensor([0.25, 0.0, 0.75]), atol=0.02, rtol=0)
