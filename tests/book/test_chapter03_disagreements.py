"""Where papers, code and seed differ on conditional normalization: each variant written from its description."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vtonlib.models.normalization import SPADE, modulate


def flat(labels: int, height: int, width: int) -> torch.Tensor:
    """One map for each label, everywhere that label."""
    return torch.eye(labels, dtype=torch.float64)[:, :, None, None].expand(labels, labels, height, width)


@pytest.mark.disagreement("D7")
def test_a_flat_label_is_washed_away_only_where_no_border_is_seen() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 6, 3, padding=1).double()
    maps = flat(5, 16, 12)
    zeros = F.instance_norm(F.conv2d(maps, conv.weight, conv.bias, padding=1))
    mirrored = F.instance_norm(F.conv2d(F.pad(maps, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias))
    unpadded = F.instance_norm(F.conv2d(maps, conv.weight, conv.bias))
    assert mirrored.abs().max() < 1e-9 and unpadded.abs().max() < 1e-9
    border = zeros.clone()
    border[:, :, 1:-1, 1:-1] = 0
    assert border.abs().max() > 3
    inner = zeros[:, :, 3, 3]  # and since the border is in the mean, the middle is not 0 either
    assert torch.cdist(inner, inner)[~torch.eye(5, dtype=torch.bool)].min() > 0.1
    norm = SPADE(6, 5).double()  # ours pads with zeros, as the released code; SPADE does not need the border
    constant = norm(torch.ones(5, 6, 16, 12, dtype=torch.float64), maps)[:, :, 5, 5]
    assert torch.cdist(constant, constant)[~torch.eye(5, dtype=torch.bool)].min() > 1e-3


@pytest.mark.disagreement("D18")
def test_gamma_as_printed_and_as_in_code() -> None:
    """As printed, gamma = 0 erases the activation; as in the released code and here it changes nothing."""
    torch.manual_seed(0)
    x, gamma, beta = (torch.randn(2, 3, 4, 5, dtype=torch.float64) for _ in range(3))
    printed = gamma * x + beta
    torch.testing.assert_close(modulate(x, gamma - 1, beta), printed)  # the same family of functions
    assert torch.equal(modulate(x, 0 * gamma, 0 * beta), x)
    assert (modulate(x, gamma, beta) - printed).abs().max() > 0.1
    norm = SPADE(3, 4).double()
    for parameter in norm.modulation.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(norm(x, flat(4, 4, 5)[:2]), F.instance_norm(x))


@pytest.mark.disagreement("D19")
def test_a_label_map_shrinks_by_its_first_pixels() -> None:
    """The released code resizes by floor(i h / H): a thin label can vanish, and thereby which one is decided."""
    labels = torch.zeros(1, 2, 4, 6, dtype=torch.float64)
    labels[:, 0], labels[:, 0, :, 1::2], labels[:, 1, :, 1::2] = 1, 0, 1  # every second column has label 1
    nearest, centre = (F.interpolate(labels, (2, 3), mode=mode) for mode in ("nearest", "nearest-exact"))
    assert nearest[:, 1].sum() == 0 and centre[:, 1].sum() == 6
    soft = F.interpolate(labels, (2, 3), mode="area")
    assert soft.unique().tolist() == [0.5]
    norm, x = SPADE(3, 2).double(), torch.randn(1, 3, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(norm(x, labels), norm(x, nearest))
