"""The picture of layers: an arrow for every import that no longer way tells, and none downwards."""

from __future__ import annotations

import pytest

from vtonlib.viz.layers import layer_diagram


def test_an_arrow_for_every_import_that_no_longer_way_tells() -> None:
    imports = {"b": {"a"}, "c": {"a", "b", "elsewhere"}, "d": {"a"}}
    d = layer_diagram(
        {"elsewhere": 0, "a": 0, "b": 1, "d": 1, "c": 2}, imports, {"a": 0.5, "b": 0.2, "d": 0.8, "c": 0.5}
    )
    assert d.svg().count("marker-end") == 3  # a to b, b to c, a to d; a to c goes through b
    assert "from the bottom: a; b, d; c." in d.alt


def test_a_part_that_does_not_lie_above_what_it_imports_is_refused() -> None:
    with pytest.raises(ValueError, match="b is in layer 0 and imports a"):
        layer_diagram({"a": 0, "b": 0}, {"b": {"a"}}, {"a": 0.2, "b": 0.8})
