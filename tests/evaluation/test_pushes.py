"""Where the two readings of the short way push a look: against slow derivatives, and by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.evaluation.pushes import reading_pushes, round_looks
from vtonlib.grids import coordinate_grid, to_pixels, warp

TOKENS = Grid(5, 4)
N = TOKENS.tokens


def readings(logits: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
    """What the looks read softly and sharply; [b n z], tokens of one latent."""
    weights = logits.softmax(-1)
    places = weights @ coordinate_grid(*TOKENS, dtype=logits.dtype).flatten(0, 1)
    return weights @ latents.flatten(2).mT, warp(latents, places[:, None], mode="bicubic")[:, :, 0].mT


@pytest.mark.equation("eq-reading-pushes")
def test_pushes_are_covariances_of_places_with_what_each_reading_says_of_a_key() -> None:
    torch.manual_seed(0)
    logits, latents = torch.randn(2, N, N, dtype=torch.double), torch.randn(2, 3, *TOKENS, dtype=torch.double)
    wanted = torch.randn_like(latents)
    found = reading_pushes(logits, latents, wanted, TOKENS)
    weights, steps = logits.softmax(-1), to_pixels(coordinate_grid(*TOKENS, dtype=torch.double), *TOKENS).flatten(0, 1)
    soft, sharp = readings(logits, latents)
    error = (soft + sharp) / 2 - wanted.flatten(2).mT
    centre, tokens = weights @ steps, to_pixels(torch.ones(2, dtype=torch.double), *TOKENS)
    for b, i in ((0, 0), (0, 7), (1, N - 1)):
        slope, small = [], 1e-6
        for axis in torch.eye(2, dtype=torch.double):  # how what is read changes with the place
            ahead, behind = ((centre[b, i] + sign * small * axis) / tokens for sign in (1, -1))
            there = [warp(latents[b : b + 1], p[None, None, None], mode="bicubic")[0, :, 0, 0] for p in (ahead, behind)]
            slope.append((there[0] - there[1]) / (2 * small))
        pushes = torch.zeros(2, 2, dtype=torch.double)
        for j in range(N):
            says = error[b, i] @ latents[b].flatten(1)[:, j], error[b, i] @ torch.stack(slope, -1) @ steps[j]
            away = weights[b, i, j] * (steps[j] - centre[b, i])
            pushes -= torch.stack([said * away for said in says]) / 2
        torch.testing.assert_close(found.soft[b, i], pushes[0])
        torch.testing.assert_close(found.sharp[b, i], pushes[1], rtol=1e-5, atol=1e-7)


def test_both_together_are_the_way_down_when_a_look_is_tilted() -> None:
    torch.manual_seed(1)
    logits, latents = torch.randn(1, N, N, dtype=torch.double), torch.randn(1, 2, *TOKENS, dtype=torch.double)
    wanted, small = torch.randn_like(latents), 1e-5
    steps = to_pixels(coordinate_grid(*TOKENS, dtype=torch.double), *TOKENS).flatten(0, 1)
    found = reading_pushes(logits, latents, wanted, TOKENS).both

    def errors(tilted: Tensor) -> Tensor:
        soft, sharp = readings(tilted, latents)
        return ((soft + sharp) / 2 - wanted.flatten(2).mT).square().sum(-1) / 2

    for axis in (0, 1):
        slope = (errors(logits + small * steps[:, axis]) - errors(logits - small * steps[:, axis])) / (2 * small)
        torch.testing.assert_close(found[..., axis], -slope, rtol=1e-5, atol=1e-7)


def test_a_mean_finds_a_far_key_that_a_slope_does_not_see() -> None:
    row = Grid(1, 5)
    latents = torch.tensor([1.0, 0.0, 0.0, 0.5, 0.0]).reshape(1, 1, 1, 5)  # chapter 8's, by hand: 1 is wanted
    pushes = reading_pushes(torch.zeros(1, 5, 5), latents, torch.ones_like(latents), row)
    tilt = 0.85 / (2 * 5)
    torch.testing.assert_close(pushes.soft[0, 0], torch.tensor([-1.5 * tilt, 0.0]))
    # half of the difference of the neighbours is 1/4; torch's bicubic reading is half as steep again
    torch.testing.assert_close(pushes.sharp[0, 0], torch.tensor([1.5 * 2.5 * tilt, 0.0]))
    assert (pushes.both[..., 0] > 0).all()  # and so together: the wrong way


def test_round_looks_have_their_centre_and_their_width() -> None:
    tokens = Grid(33, 25)
    centres = torch.tensor([[[0.0, 0.0], [0.25, -0.25]]])
    weights = round_looks(centres, tokens, width=2.0).softmax(-1)
    places = coordinate_grid(*tokens).flatten(0, 1)
    torch.testing.assert_close(weights @ places, centres, atol=1e-4, rtol=0)
    away = to_pixels(places - centres[:, :, None], *tokens).square().sum(-1)
    torch.testing.assert_close((weights * away).sum(-1), torch.full((1, 2), 2 * 2.0**2), rtol=0.02, atol=0)


def test_looks_that_do_not_fit_are_refused() -> None:
    latents = torch.zeros(1, 4, 6, 4)
    with pytest.raises(ValueError, match="tokens of 3x2: expected 6 keys"):
        reading_pushes(torch.zeros(1, 5, 5), latents, latents, Grid(3, 2))
    with pytest.raises(ValueError, match="a multiple of that size"):
        reading_pushes(torch.zeros(1, 8, 8), latents, latents, Grid(4, 2))
