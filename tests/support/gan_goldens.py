"""What the official GAN code computed: the cases of tests/goldens/gan, read and compared as their manifest says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parents[1] / "goldens" / "gan"


@cache
def manifest() -> dict[str, dict[str, Any]]:
    cases = json.loads((FOLDER / "manifest.json").read_text(encoding="utf8"))["cases"]
    return {case["name"]: case for case in cases}


def names(kind: str) -> list[str]:
    """The cases of one kind; a kind without cases is a mistake of the test."""
    found = [name for name, case in manifest().items() if case["kind"] == kind]
    assert found, kind
    return found


class Golden:
    """One case: inputs by name, in ``dtype``; outputs are compared through :meth:`check`, which keeps book."""

    def __init__(self, name: str, dtype: torch.dtype = torch.float32) -> None:
        self.case, self.args = manifest()[name], manifest()[name]["args"]
        stored = load_file(FOLDER / self.case["file"])
        cast = {key: value if value.dtype == torch.int64 else value.to(dtype) for key, value in stored.items()}
        self.inputs = {key[3:]: value for key, value in cast.items() if key.startswith("in/")}
        self.wanted = {key[4:]: value for key, value in cast.items() if key.startswith("out/")}
        self.state = {key[3:]: value for key, value in self.inputs.items() if key.startswith("sd.")}
        self.unchecked = set(self.case["compare"])

    def __getitem__(self, name: str) -> Tensor:
        return self.inputs[name]

    def check(self, name: str, got: Tensor) -> None:
        atol = self.case["atol_by_name"].get(name, self.case["atol"])
        torch.testing.assert_close(got.detach(), self.wanted[name], rtol=self.case["rtol"], atol=atol, msg=name.__add__)
        self.unchecked.discard(name)

    def one_hot(self, name: str, labels: int) -> Tensor:
        ids = self.inputs[name].long().squeeze(1)
        return nn.functional.one_hot(ids, labels).movedim(-1, 1).to(self.wanted["y" if "y" in self.wanted else name])

    def noises(self) -> Iterator[Tensor]:
        """The noise that was drawn, in order, as [b 1 h w]."""
        for number in range(sum(key.startswith("noise.") for key in self.inputs)):
            yield self.inputs[f"noise.{number}"].transpose(1, 3)


def replay(monkeypatch: pytest.MonkeyPatch, noises: Iterator[Tensor]) -> None:
    """Let ALIAS normalization add these noises instead of its own, in this order."""
    monkeypatch.setattr("vtonlib.models.normalization.alias.alias_noise", lambda x, generator=None: next(noises))


def load_renamed(module: nn.Module, state: dict[str, Tensor], rename: Callable[[str], str]) -> None:
    module.load_state_dict({rename(key): value for key, value in state.items()})
