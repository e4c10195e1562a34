"""The claim on spectral norm in the discriminator: its arms start as one function, and one has equal steps."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

SCRIPT = Path(__file__).parents[2] / "claims" / "discriminator_spectral.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored_gains(discriminator: nn.Module) -> list[float]:
    """Largest singular values of the weights that an optimizer moves, where SPADE has spectral norm."""
    normed = [conv for conv in discriminator.modules() if parametrize.is_parametrized(conv)]
    return [
        float(torch.linalg.matrix_norm(conv.parametrizations.weight.original.detach().flatten(1), 2)) for conv in normed
    ]


def test_the_arm_at_equal_steps_is_the_published_one_with_stored_weights_of_gain_1(script: ModuleType) -> None:
    published, equal = (
        script.new_task(0, build, spectral=True).discriminator.eval() for build in ("published", "equal")
    )
    x = torch.randn(2, 11, 32, 24)
    for one, other in zip(published(x), equal(x), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
    assert stored_gains(equal) == pytest.approx([1.0] * 4, abs=1e-4)
    assert len(stored_gains(published)) == 4 and max(stored_gains(published)) < 0.03
