"""What a caller may choose when a diffusion model samples; each is described at its pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

Start = Literal["noise", "leaking"]
GuidanceOn = Literal["token", "features", "both"]
Posterior = Literal["mode", "sample", "sample_each_call"]
ReferenceSteps = Literal["each", "once"]
Repaint = Literal[True, False, "released"]
Generators = torch.Generator | list[torch.Generator] | None
"""Source of noise: one for the batch, or one for each sample, whose noise then does not depend on the others."""
StepCallback = Callable[[Any, int, Tensor, dict[str, Tensor]], dict[str, Tensor]]
"""Called with pipeline, step, time step and latents; may return other latents."""
Predictor = Callable[[Float[Tensor, "b 4 h w"], Tensor], Float[Tensor, "b 4 h w"]]
"""The denoiser's prediction for latents at a time step, its conditions bound."""


def check_choices(**chosen: tuple[Any, Any]) -> None:
    """Refuse values that are none of those that a ``Literal`` names; given as name=(value, Literal).

    Raises:
        ValueError: naming the option, what was found and what is expected.
    """
    for name, (value, kind) in chosen.items():
        if value not in get_args(kind):
            raise ValueError(f"{name} is {value!r}: expected one of {', '.join(map(str, get_args(kind)))}")


def check_numbers(**chosen: float) -> None:
    """Refuse numbers that are negative or not finite.

    Raises:
        ValueError: naming the option and what was found.
    """
    for name, value in chosen.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}: expected a finite number of at least 0")


def check_generators(generator: Generators, samples: int) -> None:
    """Refuse a list of generators that has not one for each sample.

    Raises:
        ValueError: with both numbers.
    """
    if isinstance(generator, list) and len(generator) != samples:
        raise ValueError(f"generator is a list of {len(generator)}: expected one for each of {samples} samples")


def check_timestep(timestep: int, steps: int) -> None:
    """Refuse a noise level that the model was not trained at, of which there are ``steps``.

    Raises:
        ValueError: naming what was found and what is expected.
    """
    if not isinstance(timestep, int) or not 0 <= timestep < steps:
        raise ValueError(f"timestep is {timestep!r}: expected a whole number from 0 to {steps - 1}")


def check_options(*, start: str, guidance_on: str, posterior: str, person_given: bool) -> None:
    """Refuse what is unknown, and a target person where nothing may know of it.

    Raises:
        ValueError: naming the option, what was found and what is expected.
    """
    check_choices(start=(start, Start), guidance_on=(guidance_on, GuidanceOn), posterior=(posterior, Posterior))
    if person_given != (start == "leaking"):
        raise ValueError(f"start is {start!r}: person is expected for start='leaking', and for nothing else")
