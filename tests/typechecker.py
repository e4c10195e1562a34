"""The run-time type check that conftest.py puts on vtonlib."""

from __future__ import annotations

from typing import Any

from beartype import beartype


def checked(function: Any) -> Any:
    """``function``, checked by beartype, except where an annotation says Self: that needs the class, which is not there."""
    annotations = getattr(function, "__annotations__", {})
    for name in [name for name, hint in annotations.items() if "Self" in str(hint)]:
        del annotations[name]
    return beartype(function)
