from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from bs4 import BeautifulSoup

from vtonlib.viz.matrix import MatrixExplorer, masked_softmax, modulate_labels, region_standardize, standardize_sets

G = torch.Generator().manual_seed(0)
X = torch.randn(3, 5, generator=G, dtype=torch.float64)
MASK = (torch.rand(3, 5, generator=G) > 0.5).double()


def test_softmax_over_everything_is_torch_s() -> None:
    torch.testing.assert_close(masked_softmax(X, torch.ones_like(X), temperature=0.5), (X / 0.5).softmax(-1))


def test_masked_softmax_looks_only_at_painted_columns() -> None:
    mask = torch.tensor([[1.0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]).double()
    p = masked_softmax(X, mask)
    assert p[0, 0] / p[0, 2] == pytest.approx((X[0, 0] - X[0, 2]).exp().item())
    assert p.sum(-1).tolist() == pytest.approx([1, 0, 1])
    assert (p[mask == 0] == 0).all()


def test_each_region_is_standardised_alone() -> None:
    y = region_standardize(X, MASK, eps=0.0)
    for region in (MASK == 1, MASK == 0):
        assert y[region].mean().item() == pytest.approx(0, abs=1e-12)
        assert y[region].var(correction=0).item() == pytest.approx(1)
    whole = region_standardize(X, torch.ones_like(X))
    torch.testing.assert_close(whole, F.layer_norm(X, X.shape))


def test_three_equally_spaced_values_by_hand() -> None:
    x, mask = torch.zeros(5, 5), torch.zeros(5, 5)
    x[2, 1:4], mask[2, 1:4] = torch.tensor([-1.0, 0.0, 1.0]), 1
    y = region_standardize(x, mask, eps=0.0).nan_to_num(0)
    assert y[2, 1:4].tolist() == pytest.approx([-1.2247, 0, 1.2247], abs=1e-4)


def test_sets_of_cells_are_standardised_alone() -> None:
    rows = torch.arange(3)[:, None].expand(3, 5)
    torch.testing.assert_close(standardize_sets(X, rows), F.layer_norm(X, X.shape[1:]))
    torch.testing.assert_close(standardize_sets(X, torch.zeros(3, 5).long()), F.layer_norm(X, X.shape))
    figure = MatrixExplorer(X, "standardize", mask=MASK, step=2.0, ways={"all": [[0] * 5] * 3, "rows": rows.tolist()})
    torch.testing.assert_close(figure.value(), F.layer_norm(X + 2 * MASK, X.shape))
    torch.testing.assert_close(figure.value(0 * MASK, way="rows"), F.layer_norm(X, X.shape[1:]))


def test_modulation_by_label() -> None:
    table = torch.tensor([[0.0, -1.0], [0.5, 3.0]]).double()
    y = modulate_labels(X, MASK, table)
    assert (y[MASK == 1] == 3).all()  # gamma = -1 leaves beta alone
    torch.testing.assert_close(y[MASK == 0], F.layer_norm(X, X.shape)[MASK == 0] + 0.5)
    ways = {"map": table.tolist(), "vector": [[1.0, 1.0], [0.0, 0.0]]}
    figure = MatrixExplorer(X, "modulate", mask=MASK, ways=ways)
    torch.testing.assert_close(figure.value(), y)
    torch.testing.assert_close(figure.value(way="vector"), 2 * F.layer_norm(X, X.shape))
    data = json.loads(BeautifulSoup(figure._repr_html_(), "html.parser").find("script").string)
    assert data["ways"] == ways and data["first"] == "map"


def test_markup_holds_the_data_and_the_result() -> None:
    figure = MatrixExplorer(X, "softmax", rows=["a", "b", "c"], caption="Five keys.")
    html = figure._repr_html_()
    page = BeautifulSoup(html, "html.parser")
    data = json.loads(page.find("script", type="application/json").string)
    assert (
        data["matrix"] == X.tolist()
        and data["columns"] == ["0", "1", "2", "3", "4"]
        and data["rows"] == ["a", "b", "c"]
    )
    _, result = page.find_all("table")
    assert [c.text for c in result.tbody.find("tr")] == ["a", *(f"{v:.2f}" for v in X.softmax(-1)[0].tolist())]
    assert page.find(id=True) is None and "http" not in html and len(html) < 20_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MatrixExplorer(X, "sum"), "operation is 'sum': expected one of softmax, region-st"),
        (lambda: MatrixExplorer(X, "modulate"), "ways are missing"),
        (lambda: MatrixExplorer(X, "softmax", ways={"a": [[0.0]]}), "ways are a: .* others have none"),
        (lambda: MatrixExplorer(X, "standardize", ways={"a": [[0.0]]}), r"way 'a' is \(1, 1\): expected .* \(3, 5\)"),
        (lambda: MatrixExplorer(torch.zeros(13, 2), "softmax"), r"matrix is \(13, 2\)"),
        (lambda: MatrixExplorer(X / 0, "softmax"), "not finite"),
        (lambda: MatrixExplorer(X, "softmax", mask=torch.ones(5, 3)), r"mask is \(5, 3\): expected \(3, 5\)"),
        (lambda: MatrixExplorer(X, "softmax", mask=MASK * 0.5), "values 0 and 1 only"),
        (lambda: MatrixExplorer(X, "softmax", rows=["a"]), "1 row names were given: expected 3"),
    ],
)
def test_errors_say_what_is_expected(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
