"""The closed forms of diffusion: noise schedules, readings of a prediction, steps of a sampler, guidance and blending.

Pure functions, one equation each; models and pipelines take their schedules from diffusers, and tests hold both equal.
A noise level is given by its alpha-bar, the share of the clean picture's variance that is left. Book:
sec-latent-diffusion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Prediction = Literal["epsilon", "sample", "v_prediction"]
"""What a network predicts, by diffusers' names: the noise, the clean picture, or the velocity."""
ADAMS_BASHFORTH: tuple[tuple[float, ...], ...] = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""Weights of the newest prediction, the one before, and so on, by how many there are."""


class Readings(NamedTuple):
    """One prediction, read in all three ways. Each determines the others where signal and noise are both there."""

    clean: Float[Tensor, "*shape"]
    """The clean picture x0."""
    noise: Float[Tensor, "*shape"]
    """The noise epsilon."""
    velocity: Float[Tensor, "*shape"]
    """v = sqrt(alpha-bar) epsilon - sqrt(1 - alpha-bar) x0."""


def noise_schedule(steps: int = 1000, first: float = 0.00085, last: float = 0.012) -> Float[Tensor, " steps"]:
    """alpha-bar at every step, in float64: the product of what each step leaves, by default Stable Diffusion's.

    Its variances beta grow evenly in their square roots ("scaled linear").

    Raises:
        ValueError: without two steps, or for variances outside of (0, 1).

    Source: Ho et al. 2020, Eq. 4; Rombach et al. 2022 for the values. Equation: eq-noise-schedule.
    Book: sec-latent-diffusion.
    """
    if steps < 2 or not 0 < first < 1 or not 0 < last < 1:
        raise ValueError(f"found {steps} steps and variances {first}, {last}: expected two steps, variances in (0, 1)")
    betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64).square()
    return (1 - betas).cumprod(0)


def zero_terminal(alpha_bars: Float[Tensor, " steps"]) -> Float[Tensor, " steps"]:
    """The schedule shifted and stretched so that nothing of the picture is left at its last step.

    Source: Lin et al. 2024, Algorithm 1. Equation: eq-zero-terminal. Book: sec-signal-to-noise.
    """
    signal = alpha_bars.sqrt()
    return ((signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])).square()


def add_noise(
    clean: Float[Tensor, "*shape"], noise: Float[Tensor, "*shape"], alpha_bar: Float[Tensor, "*#shape"] | float
) -> Float[Tensor, "*shape"]:
    """A noisy picture: sqrt(alpha-bar) of the clean one and sqrt(1 - alpha-bar) of the noise.

    With a prediction in place of both it is also DDIM's step, to any other noise level.

    Source: Ho et al. 2020, Eq. 4; Song et al. 2021, Eq. 12 with sigma = 0.
    Equations: eq-forward-process, eq-ddim-step. Book: sec-latent-diffusion.
    """
    signal, spread = _amplitudes(alpha_bar, clean)
    return signal * clean + spread * noise


def signal_to_noise(alpha_bar: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Variance of the signal over that of the noise, where clean pictures have variance 1.

    Equation: eq-signal-to-noise. Book: sec-signal-to-noise.
    """
    return alpha_bar / (1 - alpha_bar)


def velocity(
    clean: Float[Tensor, "*shape"], noise: Float[Tensor, "*shape"], alpha_bar: Float[Tensor, "*#shape"] | float
) -> Float[Tensor, "*shape"]:
    """The third thing that a network may predict, finite at every noise level.

    Source: Salimans and Ho 2022, section 4. Equation: eq-velocity. Book: sec-three-readings.
    """
    signal, spread = _amplitudes(alpha_bar, clean)
    return signal * noise - spread * clean


def read_prediction(
    prediction: Float[Tensor, "*shape"],
    noisy: Float[Tensor, "*shape"],
    alpha_bar: Float[Tensor, "*#shape"] | float,
    kind: Prediction,
) -> Readings:
    """What a prediction of one kind says of the clean picture, the noise and the velocity.

    At pure noise a predicted noise says nothing of the picture (0/0: the reading is not finite); at no noise a
    predicted picture says nothing of the noise.

    Raises:
        ValueError: for an unknown kind.

    Source: Salimans and Ho 2022, appendix D. Equation: eq-three-readings. Book: sec-three-readings.
    """
    signal, spread = _amplitudes(alpha_bar, noisy)
    if kind == "epsilon":
        clean, noise = (noisy - spread * prediction) / signal, prediction
    elif kind == "sample":
        clean, noise = prediction, (noisy - signal * prediction) / spread
    elif kind == "v_prediction":
        clean, noise = signal * noisy - spread * prediction, spread * noisy + signal * prediction
    else:
        raise ValueError(f"kind is {kind!r}, expected 'epsilon', 'sample' or 'v_prediction'")
    return Readings(clean, noise, signal * noise - spread * clean)


def loss_weight(alpha_bar: Float[Tensor, "*shape"], kind: Prediction) -> Float[Tensor, "*shape"]:
    """How much a squared error of the clean picture counts in the loss of a network that predicts ``kind``.

    Raises:
        ValueError: for an unknown kind.

    Source: Salimans and Ho 2022, section 4. Equation: eq-loss-weight. Book: sec-three-readings.
    """
    ratio = signal_to_noise(alpha_bar)
    weights = {"epsilon": ratio, "sample": torch.ones_like(ratio), "v_prediction": ratio + 1}
    if kind not in weights:
        raise ValueError(f"kind is {kind!r}, expected 'epsilon', 'sample' or 'v_prediction'")
    return weights[kind]


def ideal_denoiser(
    noisy: Float[Tensor, "b n"], pictures: Float[Tensor, "k n"], alpha_bar: float
) -> Float[Tensor, "b n"]:
    """The mean of all pictures, each weighed by how well it explains what is seen: nothing errs less on average.

    It is an attention: queries the noisy pictures, keys and values the clean ones. Each picture is equally likely.

    Raises:
        ValueError: without noise, where nothing is left to weigh.

    Equation: eq-ideal-denoiser. Book: sec-four-pixels.
    """
    if not 0 <= alpha_bar < 1:
        raise ValueError(f"alpha_bar is {alpha_bar}, expected at least 0 and less than 1")
    apart = (noisy[:, None] - alpha_bar**0.5 * pictures).square().sum(-1)
    return (-apart / (2 * (1 - alpha_bar))).softmax(-1) @ pictures


def multistep_noise(history: Sequence[Float[Tensor, "*shape"]]) -> Float[Tensor, "*shape"]:
    """The noise that PLMS steps along: the newest predictions (first in ``history``), extrapolated by half a step.

    At most four count. With one it is DDIM.

    Raises:
        ValueError: for an empty history.

    Source: Liu et al. 2022, Eq. 9 (an Adams-Bashforth rule). Equation: eq-multistep. Book: sec-few-steps.
    """
    if not history:
        raise ValueError("history is empty, expected at least one prediction")
    newest = history[: len(ADAMS_BASHFORTH)]
    weights = ADAMS_BASHFORTH[len(newest) - 1]
    return torch.stack([weight * noise for weight, noise in zip(weights, newest, strict=True)]).sum(0)


def guided(
    conditional: Float[Tensor, "*shape"], unconditional: Float[Tensor, "*shape"], scale: float
) -> Float[Tensor, "*shape"]:
    """Classifier-free guidance: from the unconditional prediction ``scale`` times towards the conditional one.

    0 is without condition, 1 is the condition as it was trained, more extrapolates.

    Source: Ho and Salimans 2022, Eq. 6, whose w is ``scale - 1``. Equation: eq-guidance. Book: sec-guidance.
    """
    return unconditional + scale * (conditional - unconditional)


def rescale_guidance(
    made: Float[Tensor, "*shape"], conditional: Float[Tensor, "*shape"], share: float
) -> Float[Tensor, "*shape"]:
    """A guided prediction, ``made``, times share * std(conditional) / std(made) + 1 - share, for each sample its own.

    Guidance spreads predictions out. 0 leaves them as they are, 1 gives them the spread of the conditional one, and
    what lies between takes a share of it back. Leffa's code passes its guidance scale, 2.5, which takes back more than
    was added, and turns the sign of what guidance spread by more than 5/3. The spread is the (unbiased) standard
    deviation over all values of a sample.

    Raises:
        ValueError: for a share that is no finite number.

    Source: Lin et al. 2024, Eq. 15 and 16. Equation: eq-rescaled-guidance. Book: sec-rescaled-guidance.
    """
    if not math.isfinite(share):
        raise ValueError(f"share is {share}: expected a finite number")
    spread, wanted = (x.flatten(1).std(1).view(-1, *[1] * (x.ndim - 1)) for x in (made, conditional))
    return made * (share * wanted / spread.clamp_min(torch.finfo(made.dtype).tiny) + 1 - share)


def blend(
    known: Float[Tensor, "b c h w"], made: Float[Tensor, "b c h w"], keep: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """``known`` where ``keep`` is 1, ``made`` where it is 0, both in between; of pictures or of latents.

    Source: Lugmayr et al. 2022 (RePaint), Eq. 8c. Equation: eq-blending. Book: sec-blending.
    """
    return keep * known + (1 - keep) * made


def _amplitudes(alpha_bar: Tensor | float, like: Tensor) -> tuple[Tensor, Tensor]:
    level = torch.as_tensor(alpha_bar, dtype=like.dtype, device=like.device)
    return level.sqrt(), (1 - level).sqrt()
