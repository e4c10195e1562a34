"""The equations of the chapter on the library, each from its formula."""

from __future__ import annotations

import pytest
import torch

from tools.api import LAYERS, layer, modules
from vtonlib.check.library import layer_numbers
from vtonlib.mutation.checks import CHECKS
from vtonlib.mutation.study import seen_share


@pytest.mark.equation("eq-layer")
def test_the_layer_is_the_longest_way_down() -> None:
    imports = torch.rand(6, 6, generator=torch.Generator().manual_seed(0)).lt(0.4).float().tril(-1)

    def longest(module: int) -> int:
        below = [longest(other) for other in range(6) if imports[module, other]]
        return 1 + max(below) if below else 0

    assert layer_numbers(imports).tolist() == [longest(module) for module in range(6)]
    assert layer_numbers(torch.zeros(3, 3)).tolist() == [0, 0, 0]


def test_the_list_of_layers_is_one_that_imports_allow() -> None:
    assert all(0 <= layer(name) < len(LAYERS) for name in modules())


@pytest.mark.equation("eq-seen-share")
def test_the_share_is_counted_fault_by_fault() -> None:
    nothing = dict.fromkeys(CHECKS, "")
    tables = [nothing | {"law": "no"}, nothing | {"law": "no", "golden": "other numbers"}, nothing]
    found = seen_share(tables)
    for kind in CHECKS:
        count = 0
        for said in tables:
            if said[kind]:
                count += 1
        assert found[kind] == pytest.approx(count / 3)
    assert found["law"] == pytest.approx(2 / 3)
