"""Masks at other sizes, as the released code resizes them: bitwise for losses, and as torchvision does for inputs."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from vtonlib.models.released_masks import released_keep_mask, released_loss_mask

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "sv_mask_chain.safetensors"


@pytest.mark.parametrize("lattice", [(32, 24), (64, 48)])
def test_the_loss_mask_is_the_official_one(lattice):
    golden = load_file(GOLDEN)
    mask = released_loss_mask(golden["mask"].float(), (64, 48), lattice)
    assert torch.equal(mask, golden[f"loss_mask_{lattice[0]}x{lattice[1]}"].bool())
    assert 0.05 < mask.float().mean() < 0.95


def test_a_value_of_one_half_is_outside():
    assert released_loss_mask(torch.tensor([[[[0.5, 0.51]]]]), (1, 2), (1, 2)).tolist() == [[[False, True]]]


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (128, 96), (60, 40)])
def test_the_keep_mask_is_bilinear_without_antialias(size):
    mask = (torch.rand(2, 1, 256, 192, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    expected = F.interpolate(1 - mask, size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(released_keep_mask(mask, *size), expected, atol=2e-4, rtol=0)


def test_eight_times_smaller_takes_five_values():
    mask = (torch.rand(1, 1, 512, 384, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    keep = released_keep_mask(mask, 64, 48)
    assert (keep * 4 - (keep * 4).round()).abs().max() < 1e-3 and len((keep * 4).round().unique()) == 5
