"""Training on the CPU, whose bits are promised."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from accelerate import PartialState


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Accelerate keeps the device it chose first, so it has to choose anew, before and after."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "1")
    PartialState._reset_state()
    yield
    PartialState._reset_state()
