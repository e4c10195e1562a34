"""The plot of figure 8's arms shows what the claim has stored."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARMS = {
    "ALIAS": "alias",
    "half masked": "half",
    "instance": "instance_div",
    "no mask": "instance",
    "SPADE": "spade",
    "filled": "filled",
    "stranger's mask": "strangers",
}


@pytest.mark.parametrize(("name", "metric"), [("leak", "leak_far"), ("error", "error_far")])
def test_the_plotted_values_are_the_claims(name: str, metric: str) -> None:
    page = json.loads((ROOT / "notebooks" / "05_alias_generator.ipynb").read_text(encoding="utf8"))
    sources = ["".join(cell["source"]) for cell in page["cells"] if cell["cell_type"] == "code"]
    (source,) = (source for source in sources if "leak and error of seven arms" in source)
    assigned = {
        node.targets[0].id: node.value  # type: ignore[attr-defined]
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }
    plotted = ast.literal_eval(assigned[name])
    metrics = json.loads((ROOT / "claims" / "alias-ablation.json").read_text(encoding="utf8"))["metrics"]
    assert list(plotted) == list(ARMS)
    for arm, values in plotted.items():
        assert values == pytest.approx(metrics[f"random_{ARMS[arm]}_{metric}"]["values"], abs=6e-4), arm
