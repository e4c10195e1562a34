"""What the book's notebooks show: a line about the machine, figures with their data's digest, numbers for the text."""

from __future__ import annotations

import base64
import importlib.metadata
import io
import os
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib import __version__
from vtonlib.memory import keep_freed_memory
from vtonlib.viz.element import ElementFigure
from vtonlib.viz.figures import use_book_style

DATA_MIME = "application/vnd.vton.data+json"
"""The kind of output that holds digests and quoted numbers. Pages and Jupyter do not show it; checks read it."""
PIXELS_PER_INCH = 160
DIGITS = 5


@dataclass(frozen=True)
class Session:
    """Where this notebook computes, and how much."""

    device: str
    """Device: "cuda" where there is one, else "cpu"."""
    fast: bool
    """Whether experiments are cut down to what two processor cores do in seconds: always, unless the environment
    says ``VTON_FAST=0``. The pages show fast runs on a processor."""


def setup(version: str) -> Session:
    """Use the book's style, print device and mode, and say so if ``version`` is not the vtonlib that runs.

    Book: sec-how-to-use.
    """
    keep_freed_memory()
    session = Session("cuda" if torch.cuda.is_available() else "cpu", os.environ.get("VTON_FAST", "1") != "0")
    use_book_style()
    mode = "fast" if session.fast else "full"
    print(f"vtonlib {__version__}, torch {torch.__version__.split('+')[0]}, device {session.device}, {mode} mode")
    installed = importlib.metadata.version("vtonlib")
    if installed != __version__:
        print(f"vtonlib {installed} is installed but {__version__} is still loaded: restart the kernel.")
    elif version != __version__:
        print(f"This notebook was written for vtonlib {version}; its numbers may differ here.")
    return session


def digest(values: Any) -> dict[str, Any]:
    """Shape, mean, spread, extremes and two projections of an array: what shows that the data behind a figure changed.

    The projections depend on the order of the values, so that rearranged data differ too. Only finite values count;
    how many are not is part of the digest.

    Raises:
        ValueError: for an array without a single value.
    """
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=np.float64)
    if array.size == 0:
        raise ValueError(f"the data of a figure have the shape {array.shape}: expected at least one value")
    flat = np.where(np.isfinite(array), array, 0.0).ravel()
    finite = array[np.isfinite(array)] if np.isfinite(array).any() else np.zeros(1)
    place = np.arange(1, flat.size + 1)
    numbers = {
        "mean": finite.mean(),
        "std": finite.std(),
        "min": finite.min(),
        "max": finite.max(),
        "order": flat @ np.cos(2.399963 * place) / flat.size**0.5,
        "order2": flat @ np.cos(1.113517 * place + 1) / flat.size**0.5,
    }
    rounded = {name: float(f"{value:.{DIGITS}g}") for name, value in numbers.items()}
    return {"shape": list(array.shape), "not finite": int((~np.isfinite(array)).sum()), **rounded}


@dataclass(frozen=True, eq=False)
class BookFigure:
    """A figure as a notebook shows it, with the digest of its data beside the picture."""

    figure: Figure
    """Matplotlib's figure."""
    data: dict[str, Any]
    """Alternative text and digest."""

    def __repr__(self) -> str:
        return f"figure: {self.data['alt']}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
        png = base64.b64encode(buffer.getvalue()).decode("ascii")
        return {"image/png": png, "text/plain": repr(self), DATA_MIME: self.data}


def book_figure(figure: Figure, alt: str, *, caption: str = "", tolerance: float = 0.01, **arrays: Any) -> BookFigure:
    """``figure`` with the data that it shows, for the last line of a cell.

    Args:
        figure: the figure; it is taken from pyplot's list, so that nothing shows it twice.
        alt: what is to be seen, for readers who cannot see it.
        caption: a caption for the page, if it needs one.
        tolerance: how far the data may differ when the notebook is run again, as a share of their range.
        arrays: the data, by name: tensors, arrays, lists or numbers.

    Raises:
        ValueError: without an alternative text or data.

    Book: sec-how-to-use.
    """
    if not alt.strip() or not arrays:
        raise ValueError("a figure of the book needs an alternative text and the arrays that it shows")
    plt.close(figure)
    described = {"alt": alt.strip(), "width": round(figure.get_figwidth() * 100)}
    described |= {"caption": caption} if caption else {}
    digests = {key: digest(values) for key, values in arrays.items()}
    return BookFigure(figure, {**described, "tolerance": tolerance, "arrays": digests})


@dataclass(frozen=True, eq=False)
class BookElement:
    """An interactive figure as a notebook shows it, with the digest of its data beside the page's fragment."""

    element: ElementFigure
    """The interactive figure."""
    data: dict[str, Any]
    """Digest of its data."""

    def __repr__(self) -> str:
        return repr(self.element)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.element._repr_html_(), "text/plain": repr(self), DATA_MIME: self.data}


def book_element(element: ElementFigure, *, tolerance: float = 0.01, **arrays: Any) -> BookElement:
    """An interactive figure with the data that it shows, for the last line of a cell: :func:`book_figure`'s twin.

    Its fragment holds rounded logits and compressed pictures, which differ between machines; the digest does not.

    Raises:
        ValueError: without data.

    Book: sec-how-to-use.
    """
    if not arrays:
        raise ValueError("an interactive figure of the book needs the arrays that it shows")
    return BookElement(element, {"tolerance": tolerance, "arrays": {k: digest(v) for k, v in arrays.items()}})


@dataclass(frozen=True)
class Quoted:
    """Numbers of this run, as the text quotes them."""

    values: dict[str, str]
    """The numbers by name, as text."""

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {value}" for name, value in self.values.items())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/plain": "", DATA_MIME: {"values": self.values}}, raw=True)  # readers see nothing


def quote(**values: str) -> Quoted:
    """Numbers that the text may quote, each already written as text: ``quote(epe=f"{epe:.2f}")``.

    Raises:
        ValueError: for a value that is not text: its digits would depend on the machine.

    Book: sec-how-to-use.
    """
    wrong = {name: type(value).__name__ for name, value in values.items() if not isinstance(value, str)}
    if wrong or not values:
        raise ValueError(f'expected numbers written as text, such as f"{{x:.2f}}"; found {wrong or "nothing"}')
    return Quoted(values)
