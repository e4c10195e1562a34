"""The figure of pushes: an arrow for each known patch, told apart by whether it leads nearer."""

from __future__ import annotations

import torch

from vtonlib.viz.pushes import push_figure


def test_each_known_patch_has_one_arrow_and_those_that_lead_nearer_stand_apart() -> None:
    toward = torch.zeros(4, 3, 2)
    toward[..., 0] = 1
    known = torch.ones(4, 3, dtype=torch.bool)
    known[0] = False
    half = toward.clone()
    half[:2] *= -1
    figure = push_figure(torch.zeros(3, 64, 48), {"all": toward, "half": half}, toward, known)
    arrows = [[len(drawn.U) for drawn in axes.collections] for axes in figure.axes]
    assert arrows == [[9, 0], [6, 3]]
    assert [axes.get_title() for axes in figure.axes] == ["all", "half"]
