"""Interactive figures in notebooks: the fragment and, beside it, the digest that is compared instead of it."""

from __future__ import annotations

import pytest
import torch

from tools.book.digests import outputs_difference, without_data
from vtonlib.viz.matrix import MatrixExplorer
from vtonlib.viz.notebook import DATA_MIME, book_element, digest


def shown(logits: torch.Tensor) -> dict[str, object]:
    return {"data": book_element(MatrixExplorer(logits, "softmax"), logits=logits)._repr_mimebundle_()}


def test_an_element_carries_its_digest() -> None:
    x = torch.linspace(-1, 1, 12).reshape(3, 4)
    data = shown(x)["data"]
    assert data["text/html"].startswith("<vton-matrix") and data["text/plain"] == "MatrixExplorer(3x4, 'softmax')"
    assert data[DATA_MIME] == {"tolerance": 0.01, "arrays": {"logits": digest(x)}}


def test_only_the_digest_is_compared() -> None:
    x = torch.linspace(-1, 1, 12).reshape(3, 4)
    stored, nearly, other = shown(x), shown(x + 1e-4), shown(x.flip(0))
    assert stored["data"]["text/html"] != nearly["data"]["text/html"]
    assert without_data([stored]) == [] and outputs_difference([stored], [nearly]) == ""
    assert "logits" in outputs_difference([stored], [other])


def test_an_element_needs_data() -> None:
    with pytest.raises(ValueError, match="needs the arrays"):
        book_element(MatrixExplorer(torch.eye(2), "softmax"))
