"""The run-time type check that conftest.py puts on vtonlib."""

from __future__ import annotations

from typing import Any

from beartype import beartype
from beartype.door import is_bearable
from beartype.roar import BeartypeException


def checked(function: Any) -> Any:
    """``function`` checked by beartype, except for annotations that cannot be checked: Self, and plain protocols."""
    annotations = getattr(function, "__annotations__", {})
    for name, hint in list(annotations.items()):
        if not checkable(hint, getattr(function, "__globals__", {})):
            del annotations[name]
    return beartype(function)


def checkable(hint: Any, scope: dict[str, Any]) -> bool:
    """Whether a value can be checked against ``hint``, a type or its text, at run time."""
    try:
        is_bearable(None, eval(hint, scope) if isinstance(hint, str) else hint)
    except NameError:  # a class that is not defined yet: beartype finds it later
        return "Self" not in str(hint)
    except BeartypeException:
        return False
    return True
