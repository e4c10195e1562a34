"""Each public function that computes on tensors keeps its properties, whatever valid input it is given.

``VTON_PROPERTIES=weekly`` tries many inputs, the default few, always the same.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from properties.case import Case
from properties.checks import Trial
from properties.draws import Draw
from properties.excused import EXCUSED, excuse
from properties.public import computing
from properties.tables import CASES

WEEKLY = os.environ.get("VTON_PROPERTIES") == "weekly"
SETTINGS = settings(
    max_examples=100 if WEEKLY else 3,
    derandomize=not WEEKLY,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink) if WEEKLY else (Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def draws(draw: Any, case: Case) -> Draw:
    """Sizes, a seed and a filling for a case."""
    sizes: dict[str, int] = {}

    def size(name: str) -> int:
        if name not in sizes:
            low, high = case.sizes.get(name, (1, 5))
            sizes[name] = draw(st.integers(low, high))
        return sizes[name]

    fills = (*case.fills, "soft mask", "empty mask") if case.empty else case.fills
    return Draw(size, draw(st.integers(0, 2**16)), draw(st.sampled_from(fills)))


@pytest.mark.parametrize("name", sorted(CASES))
def test_keeps_its_properties(name: str) -> None:
    case = CASES[name]

    @SETTINGS
    @given(draws(case))
    def holds(draw: Draw) -> None:
        for check in Trial(name, case, draw).checks():
            check()

    holds()


def test_every_computing_function_is_covered_or_excused() -> None:
    public = computing()
    missing = sorted(name for name in public if name not in CASES and not excuse(name))
    assert not missing, "give each a case in tests/support/properties/tables, or a reason in excused.py"
    assert sorted(CASES.keys() - public) == [], "cases of functions that are no longer there"
    stale = [name for name in EXCUSED if not any(n == name or n.startswith(f"{name}.") for n in public)]
    assert stale == [], "reasons for functions that are no longer there"
    both = [name for name in EXCUSED if any(f"{case}.".startswith(f"{name}.") for case in CASES)]
    assert both == [], "parts with cases: excuse their functions by name"
    assert all(len(reason.split()) > 4 for reason in EXCUSED.values())
