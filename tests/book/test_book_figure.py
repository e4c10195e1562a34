"""What notebooks show: the setup's line, figures with digests, quoted numbers."""

from __future__ import annotations

import base64
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from tools.book import digests, page
from vtonlib.viz import notebook
from vtonlib.viz.notebook import DATA_MIME, book_figure, digest, quote, setup


def drawn() -> Figure:
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([0, 1])
    return figure


def test_a_figure_carries_its_data() -> None:
    x = torch.arange(12.0).reshape(3, 4)
    shown = book_figure(drawn(), "A line.", caption="Up.", x=x)
    bundle = shown._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG") and bundle["text/plain"] == "figure: A line."
    data = bundle[DATA_MIME]
    assert (data["alt"], data["caption"], data["width"]) == ("A line.", "Up.", 300)
    assert data["arrays"]["x"]["shape"] == [3, 4] and data["arrays"]["x"]["mean"] == 5.5
    assert plt.get_fignums() == []
    assert bundle["image/png"] == shown._repr_mimebundle_()["image/png"]


def test_a_figure_needs_text_and_data() -> None:
    for arguments in ({"alt": "", "x": [1]}, {"alt": "A."}):
        with pytest.raises(ValueError):
            book_figure(drawn(), **arguments)
    plt.close("all")
    with pytest.raises(ValueError, match="at least one value"):
        digest([])


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + 0.05,
        lambda x: x * 1.05,
        lambda x: x[::-1],
        lambda x: np.roll(x, 1),
        lambda x: -x,
        lambda x: np.where(np.arange(x.size) == 5, np.nan, x),
        lambda x: x[:-1],
        np.sort,
        np.zeros_like,
    ],
)
def test_changed_data_have_another_digest(change: Any) -> None:
    x = np.random.default_rng(0).random(600)
    assert digests.array_difference(digest(x), digest(change(x)), 0.01) != ""


def test_rounding_errors_do_not_count() -> None:
    x = np.random.default_rng(0).random((20, 30)) - 0.5
    assert digests.array_difference(digest(x), digest((x + 1e-4).astype(np.float32)), 0.01) == ""
    assert digests.array_difference(digest(3.0), digest(torch.tensor(3.0001)), 0.01) == ""
    assert digest([True, False])["mean"] == 0.5 and digest([np.nan])["not finite"] == 1


def test_numbers_for_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    quote(epe="3.10", share="40 %")._ipython_display_()
    assert shown == [{"text/plain": "", DATA_MIME: {"values": {"epe": "3.10", "share": "40 %"}}}]
    with pytest.raises(ValueError, match="written as text"):
        quote(epe=3.1)  # type: ignore[arg-type]


def test_setup_says_where_and_what(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VTON_FAST", raising=False)
    monkeypatch.setattr(notebook.importlib.metadata, "version", lambda _: notebook.__version__)
    with plt.rc_context():
        session = setup(notebook.__version__)
        assert session.fast and f"device {session.device}, fast mode\n" in capsys.readouterr().out
        monkeypatch.setenv("VTON_FAST", "0")
        assert not setup("9.9").fast and "written for vtonlib 9.9" in capsys.readouterr().out
        monkeypatch.setattr(notebook.importlib.metadata, "version", lambda _: "9.8")
        setup("9.8")
        assert "restart the kernel" in capsys.readouterr().out


def test_the_kind_of_output_has_one_name() -> None:
    assert page.DATA_MIME == DATA_MIME
