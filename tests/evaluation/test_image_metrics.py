from __future__ import annotations

import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from vtonlib.evaluation.image import l1, psnr, ssim, ssim_map

SHAPE = (3, 3, 24, 16)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(SHAPE, generator=generator) * 2 - 1
    return x, (x + 0.3 * torch.randn(SHAPE, generator=generator)).clamp(-1, 1)


def test_whole_ssim_and_psnr_are_those_of_torchmetrics_on_unit_range_images() -> None:
    x, y = pictures()
    a, b = (x + 1) / 2, (y + 1) / 2
    expected = structural_similarity_index_measure(a, b, data_range=1.0, reduction="none")
    torch.testing.assert_close(ssim(x, y), expected)
    expected = peak_signal_noise_ratio(a, b, data_range=1.0, reduction="none", dim=(1, 2, 3))
    torch.testing.assert_close(psnr(x, y), expected)


def test_equal_images() -> None:
    x, _ = pictures()
    torch.testing.assert_close(ssim(x, x), torch.ones(3))
    torch.testing.assert_close(psnr(x, x), torch.full((3,), 100.0))
    assert l1(x, x).eq(0).all()


def test_closed_forms_of_a_constant_difference() -> None:
    x = torch.full(SHAPE, -0.5)
    y = x + 0.2  # 0.1 in units of [0, 1]
    torch.testing.assert_close(psnr(y, x), torch.full((3,), 20.0))
    torch.testing.assert_close(l1(y, x), torch.full((3,), 0.2))
    a, b, c1 = 0.25, 0.35, 0.01**2
    torch.testing.assert_close(ssim(y, x), torch.full((3,), (2 * a * b + c1) / (a * a + b * b + c1)))


def test_masked_forms_see_only_the_mask() -> None:
    x, _ = pictures()
    mask = torch.zeros(3, 1, *SHAPE[-2:])
    mask[..., 4:10, 2:9] = 1
    y = torch.where(mask > 0, x, -x)
    torch.testing.assert_close(psnr(y, x, mask), torch.full((3,), 100.0))
    assert l1(y, x, mask).eq(0).all()
    assert psnr(y, x, 1 - mask).lt(20).all()
    whole = ssim_map(y, x)
    by_hand = torch.stack([whole[i, :, 4:10, 2:9].mean() for i in range(3)])
    torch.testing.assert_close(ssim(y, x, mask), by_hand)


def test_a_full_mask_changes_nothing_and_an_empty_mask_gives_nan() -> None:
    x, y = pictures()
    mask = torch.ones(3, 1, *SHAPE[-2:])
    for metric in (ssim, psnr, l1):
        torch.testing.assert_close(metric(x, y, mask), metric(x, y))
        holed = mask.clone()
        holed[1] = 0
        assert metric(x, y, holed).isnan().tolist() == [False, True, False]


def test_a_sample_of_a_batch_equals_the_sample_alone() -> None:
    x, y = pictures()
    for metric in (ssim, psnr, l1):
        torch.testing.assert_close(metric(x, y), torch.cat([metric(x[i : i + 1], y[i : i + 1]) for i in range(3)]))


@pytest.mark.usefixtures("as_installed")
def test_shapes_are_checked() -> None:
    x, y = pictures()
    for metric in (ssim, psnr, l1):
        with pytest.raises(ValueError, match=r"image is .* but target is"):
            metric(x, y[..., 1:])
        with pytest.raises(ValueError, match=r"expected \(3, 1, 24, 16\)"):
            metric(x, y, torch.ones(3, 3, 24, 16))
