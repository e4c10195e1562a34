"""What Leffa's loss adds to a training step, as benchmarks/leffa_step.py measured it."""

from __future__ import annotations

import json
from pathlib import Path

STORED = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "leffa_step.json"


def measure(seed: int) -> dict[str, float]:
    """``time`` and ``memory`` of a step with the loss in the paper's setting, as multiples of one without; ``alone`` is
    the time that the loss and its gradient by queries and keys take by themselves, in percent of that step. ``always_``
    is with the loss at all noise levels, ``half_`` with forward passes in bf16, ``every_query_`` a step without the
    loss in which the reference's tokens ask too, as released.
    """
    rows = json.loads(STORED.read_text(encoding="utf8"))["measured"]["rows"]
    steps = {row["precision"]: row["steps"] for row in rows}
    found = {}
    shown = {"": ("fp32", "leffa"), "always_": ("fp32", "always"), "half_": ("bf16", "leffa")}
    for prefix, (precision, name) in (shown | {"every_query_": ("fp32", "every_query")}).items():
        row = steps[precision][name]
        found |= {f"{prefix}time": row["seconds_ratio"], f"{prefix}memory": row["bytes_ratio"]}
        if "loss_seconds" in row:
            found[f"{prefix}alone"] = 100 * row["loss_seconds"] / steps[precision]["none"]["seconds"]
    return found
