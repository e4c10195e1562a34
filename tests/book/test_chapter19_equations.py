"""The equations of the chapter on evaluating, written again from their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.evaluation import frechet_distance, lpips_distance, squared_mmd
from vtonlib.evaluation.comparison import any_of, power, standard_error, variance_parts
from vtonlib.evaluation.image import ssim_map
from vtonlib.evaluation.likeness import FeatureDistance
from vtonlib.evaluation.picture_zoo import KEPT, LOST, wrong_pairs
from vtonlib.evaluation.sample_size import at_infinity, kernel_standard_error


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.equation("eq-ssim")
def test_ssim_by_one_window() -> None:
    x, y = (torch.rand(1, 2, 15, 13, generator=torch.Generator().manual_seed(s)).double() * 2 - 1 for s in (0, 1))
    found = ssim_map(x, y)[0, 1, 7, 6]
    near = torch.arange(11) - 5.0
    weights = torch.exp(-(near[:, None] ** 2 + near**2) / (2 * 1.5**2)).double()
    weights /= weights.sum()
    a, b = ((z[0, 1, 2:13, 1:12] + 1) / 2 for z in (x, y))
    ma, mb = (weights * a).sum(), (weights * b).sum()
    va, vb, cov = ((weights * p * q).sum() - m for p, q, m in ((a, a, ma**2), (b, b, mb**2), (a, b, ma * mb)))
    c1, c2 = 0.01**2, 0.03**2
    wanted = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert float(found) == pytest.approx(float(wanted), abs=1e-5)


@pytest.mark.equation("eq-feature-distance")
def test_feature_distance_by_loops() -> None:
    def maps(images: Tensor) -> list[Tensor]:
        return [images + 2, images[:, :2, ::2, ::2] * 3]

    x, y = normal(2, 3, 4, 6), normal(2, 3, 4, 6, seed=1)
    wanted = torch.zeros(2, dtype=torch.float64)
    for f, g in zip(maps(x), maps(y), strict=True):
        for b in range(2):
            places = [
                (f[b, :, r, c] / f[b, :, r, c].norm() - g[b, :, r, c] / g[b, :, r, c].norm()).square().sum()
                for r in range(f.shape[2])
                for c in range(f.shape[3])
            ]
            wanted[b] += sum(places) / len(places)
    distance = FeatureDistance(maps, "two maps")
    torch.testing.assert_close(distance(x, y).flatten(), wanted)
    assert lpips_distance(x.clamp(-1, 1), x.clamp(-1, 1), distance).abs().max() == 0


@pytest.mark.equation("eq-fid")
def test_fid_by_the_eigenvalues_of_the_product() -> None:
    x, y = normal(40, 5), normal(30, 5, seed=1) @ normal(5, 5, seed=2) + 0.4
    cx, cy = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals(cx @ cy).sqrt().sum().real
    wanted = (x.mean(0) - y.mean(0)).square().sum() + cx.trace() + cy.trace() - 2 * root
    assert frechet_distance(x, y) == pytest.approx(float(wanted), rel=1e-8)


def kernel(a: Tensor, b: Tensor) -> float:
    return (float(a @ b) / len(a) + 1) ** 3


def mmd(x: Tensor, y: Tensor) -> float:
    def within(z: Tensor) -> float:
        pairs = [kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]
        return sum(pairs) / len(pairs)

    return within(x) + within(y) - 2 * sum(kernel(a, b) for a in x for b in y) / (len(x) * len(y))


@pytest.mark.equation("eq-kid")
def test_kid_by_loops_and_without_bias() -> None:
    x, y = normal(7, 3), normal(5, 3, seed=1) + 0.2
    assert squared_mmd(x, y) == pytest.approx(mmd(x, y), abs=1e-12)
    many = [squared_mmd(normal(4, 3, seed=2 * s), normal(4, 3, seed=2 * s + 1)) for s in range(600)]
    assert abs(sum(many) / 600) < 3 * torch.tensor(many).std() / 600**0.5  # one law: 0 on average, even of four


@pytest.mark.equation("eq-wrong-pairs")
def test_wrong_pairs_by_counting() -> None:
    values = dict.fromkeys(KEPT, 1.0) | dict.fromkeys(LOST, 0.0)
    assert wrong_pairs(values, higher=True) == 0 and wrong_pairs(values, higher=False) == 1
    values[LOST[0]] = 1.0  # as well as a kept one is wrong too
    assert wrong_pairs(values, higher=True) == pytest.approx(1 / len(LOST))


@pytest.mark.equation("eq-fid-bias")
def test_the_bias_of_fid_is_straight_in_one_over_n() -> None:
    sizes, repeats = (100, 200, 400), 60

    def draw(n: int, i: int) -> float:
        seed = 2 * (1000 * n + i)
        return frechet_distance(normal(n, 4, seed=seed), normal(n, 4, seed=seed + 1))

    draws = [[draw(n, i) for i in range(repeats)] for n in sizes]
    values = torch.tensor(draws)
    assert values[0].mean() / values[2].mean() == pytest.approx(4, rel=0.15)
    limit, slope = at_infinity(sizes, values)
    assert abs(limit) < 0.15 * values[2].mean() and slope > 0
    assert at_infinity((10, 20), torch.tensor([[3.0], [2.0]])) == pytest.approx((1.0, 20.0))


@pytest.mark.equation("eq-jackknife")
def test_the_standard_error_by_leaving_out_and_by_drawing_anew() -> None:
    x, y = normal(9, 3), normal(6, 3, seed=1) + 0.3
    variance = 0.0
    for n, left in ((9, [squared_mmd(x[torch.arange(9) != i], y) for i in range(9)]),
                    (6, [squared_mmd(x, y[torch.arange(6) != j]) for j in range(6)])):  # fmt: skip
        mean = sum(left) / n
        variance += (n - 1) / n * sum((value - mean) ** 2 for value in left)
    assert kernel_standard_error(x, y) == pytest.approx(math.sqrt(variance), rel=1e-9)
    draws = [(normal(40, 4, seed=2 * s), normal(40, 4, seed=2 * s + 1) + 0.5) for s in range(200)]
    spread = torch.tensor([squared_mmd(a, b) for a, b in draws]).std()
    told = torch.tensor([kernel_standard_error(a, b) for a, b in draws]).median()
    assert float(told) == pytest.approx(float(spread), rel=0.25)


def drawn(seeds: int, people: int, sd: tuple[float, float, float], seed: int) -> Tensor:
    parts = normal(seeds, 1, seed=seed), normal(1, people, seed=seed + 1), normal(seeds, people, seed=seed + 2)
    return sum(s * part for s, part in zip(sd, parts, strict=True))  # type: ignore[return-value]


@pytest.mark.equation("eq-variance-parts")
def test_the_parts_of_a_variance_are_found_again() -> None:
    found = variance_parts(drawn(40, 60, (0.5, 1.0, 0.8), 0))
    assert [part**0.5 for part in found] == pytest.approx([0.5, 1.0, 0.8], rel=0.25)
    flat = variance_parts(torch.ones(3, 4) * torch.arange(4.0))
    assert flat.seeds == 0 and flat.both == pytest.approx(0) and flat.people == pytest.approx(5 / 3)


@pytest.mark.equation("eq-two-chances")
def test_the_error_of_a_mean_is_that_of_drawing_it_anew() -> None:
    sd = (0.5, 1.0, 0.8)
    means = torch.tensor([float(drawn(4, 9, sd, 3 * i).mean()) for i in range(800)])
    parts = variance_parts(drawn(60, 90, sd, 0))
    assert standard_error(parts, 4, 9) == pytest.approx(float(means.std()), rel=0.15)
    assert standard_error(parts, 4, 10**9) == pytest.approx((parts.seeds / 4) ** 0.5)


@pytest.mark.equation("eq-power")
def test_power_is_how_often_a_difference_is_seen() -> None:
    estimates = 0.5 + 0.2 * normal(20000)
    assert power(0.5, 0.2) == pytest.approx(float((estimates.abs() > 1.96 * 0.2).double().mean()), abs=0.01)
    assert power(0.0, 0.2) == pytest.approx(0.05, abs=1e-6)
    assert power(2.8, 1.0) == pytest.approx(0.8, abs=0.01)


@pytest.mark.equation("eq-any-arm")
def test_the_more_arms_the_likelier_a_false_find() -> None:
    tries = torch.rand(4000, 20, generator=torch.Generator().manual_seed(0)) < 0.05
    assert any_of(20) == pytest.approx(float(tries.any(1).double().mean()), abs=0.02)
    assert any_of(1) == pytest.approx(0.05)
