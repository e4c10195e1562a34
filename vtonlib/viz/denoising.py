"""Signals denoised at many strengths: choose the strength by eye first, then see what the errors say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.viz.element import ElementFigure, element, table

BUDGET = 60_000
"""Bytes that one figure may add to a page."""


class DenoisingExplorer(ElementFigure):
    """Choose a signal and a penalty, guess the strength that brings it nearest to what it was, then move the strength.

    The page shows the noisy samples as dots, the clean signal as a broken line, and what is left at the strength of the
    slider; once the reader has named a strength, also the error at every strength, and which is best. Without scripts a
    table tells the errors.

    Args:
        clean: the signals without noise, by name.
        noisy: the same with noise: what is given.
        denoised: what became of each at every strength, by the name of the signal and that of the penalty.
        strengths: in rising order; at the first, 0, nothing is changed.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for strengths that do not rise from 0, a signal or a penalty missing, shapes that do not fit one
            another, or a figure over the budget.

    Book: sec-variation-of-signals.
    """

    script = Path(__file__).with_name("denoising.js")
    _parts = ("rows.js", "slider.js")

    def __init__(
        self,
        clean: Mapping[str, Float[Tensor, " n"]],
        noisy: Mapping[str, Float[Tensor, " n"]],
        denoised: Mapping[tuple[str, str], Float[Tensor, "s n"]],
        strengths: Sequence[float],
        *,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        self.signals, self.penalties = list(clean), list(dict.fromkeys(penalty for _, penalty in denoised))
        self.strengths = [float(s) for s in strengths]
        _check(clean, noisy, denoised, self.strengths)
        self.errors = {
            key: (found - clean[key[0]]).square().mean(-1).sqrt().tolist() for key, found in denoised.items()
        }
        frames = {
            "|".join(key): {
                "lines": _rounded(found),
                "errors": _rounded(torch.tensor(self.errors[key])),
                "variations": _rounded(found.diff(dim=-1).abs().sum(-1)),
            }
            for key, found in denoised.items()
        }
        data: dict[str, Any] = {
            "signals": self.signals,
            "penalties": self.penalties,
            "strengths": self.strengths,
            "clean": {name: _rounded(signal) for name, signal in clean.items()},
            "noisy": {name: _rounded(signal) for name, signal in noisy.items()},
            "frames": frames,
        }
        self.markup = element("vton-denoising", data, self._table(), caption)
        self.within(budget, "give fewer signals or strengths, or shorter signals")

    def __repr__(self) -> str:
        return f"DenoisingExplorer({len(self.signals)} signals, {len(self.strengths)} strengths)"

    def best(self, signal: str, penalty: str) -> float:
        """The strength at which a signal comes nearest to what it was."""
        errors = self.errors[signal, penalty]
        return self.strengths[errors.index(min(errors))]

    def _table(self) -> str:
        rows = []
        for (signal, penalty), errors in self.errors.items():
            least = f"{min(errors):.2f} at {self.best(signal, penalty):g}"
            rows.append([signal, penalty, f"{errors[0]:.2f}", least, f"{errors[-1]:.2f}"])
        head = ["signal", "penalty", "noisy", "best", f"at {self.strengths[-1]:g}"]
        return table("Errors (root of the mean square) by strength.", head, rows)


def _check(
    clean: Mapping[str, Tensor],
    noisy: Mapping[str, Tensor],
    denoised: Mapping[tuple[str, str], Tensor],
    strengths: list[float],
) -> None:
    if not strengths or strengths[0] != 0 or strengths != sorted(set(strengths)):
        raise ValueError(f"strengths are {strengths}: expected them to rise from 0")
    penalties = {penalty for _, penalty in denoised}
    wanted = {(signal, penalty) for signal in clean for penalty in penalties}
    if not denoised or wanted != denoised.keys() or clean.keys() != noisy.keys():
        raise ValueError(f"expected each of the signals {list(clean)} clean, noisy, and denoised by each penalty")
    for (signal, penalty), found in denoised.items():
        expected = (len(strengths), len(clean[signal]))
        if tuple(found.shape) != expected or noisy[signal].shape != clean[signal].shape:
            raise ValueError(f"{signal}, {penalty} is {tuple(found.shape)}: expected {expected}, strengths and samples")


def _rounded(values: Tensor) -> list[Any]:
    """Numbers to a hundredth: what one sees."""
    return (values.double() * 100).round().div(100).tolist()
