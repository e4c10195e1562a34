"""Training on the CPU, and the tiny tasks as a fixture: the kill test runs the same file in processes of its own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from accelerate import PartialState


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module ``tiny.py`` beside this file."""
    spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Bits are promised on the CPU only; accelerate keeps the device it chose first."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "1")
    PartialState._reset_state()
    yield
    PartialState._reset_state()
