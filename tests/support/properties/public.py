"""Which public functions compute on tensors, read off the record of the API's surface."""

from __future__ import annotations

import json
import re

from tools.api import RECORD

TENSORS = re.compile(r"Tensor|AttentionRecord|TryOnBatch")
DRAWN = re.compile(r"Figure|Diagram|^str$|^None$|Task$|Module$|Pipeline$")
"""What is returned by functions that draw, write or build."""


def computing() -> set[str]:
    """The full names of all public functions and methods that return tensors, or take them or records of them."""
    surface = json.loads(RECORD.read_text(encoding="utf8"))
    return {
        f"{module}.{name}"
        for module, names in surface.items()
        for name, signature in names.items()
        if signature.startswith("(") and not name.endswith("__init__") and _computes(signature)
    }


def _computes(signature: str) -> bool:
    arguments, _, returned = signature.rpartition(" -> ")
    return "Tensor" in returned or bool(TENSORS.search(arguments) and not DRAWN.search(returned))
