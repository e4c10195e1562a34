# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on diffusion: a schedule, the ideal denoiser, a sampler's step, guidance, and the denoiser's channels."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.diffusion import add_noise, guided, ideal_denoiser, noise_schedule, read_prediction, zero_terminal

NOW, THEN = 0.36, 0.64
"""Noise levels (alpha-bar) of the step's first case."""


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(6)


def _schedules() -> list[Arguments]:
    return [(noise_schedule(steps, 0.002, 0.05).float(),) for steps in (20, 50, 90)]


def _squeezed(alpha_bars: Tensor, *, root: bool = True, stretch: bool = True) -> Tensor:
    """A schedule brought to zero at its end, and the wrong turns that one can take."""
    signal = alpha_bars.sqrt() if root else alpha_bars
    moved = signal - signal[-1]
    moved = moved * signal[0] / (signal[0] - signal[-1]) if stretch else moved
    return moved.square() if root else moved


def _end_at_zero(alpha_bars: Tensor) -> Tensor:
    changed = alpha_bars.clone()
    changed[-1] = 0
    return changed


def _noisy_pictures() -> list[Arguments]:
    g = _random()
    cases = []
    for batch, count, size, level in ((3, 4, 6, NOW), (2, 5, 4, 0.7), (4, 3, 8, 0.1)):
        pictures = torch.randn(count, size, generator=g)
        which = torch.randint(count, (batch,), generator=g)
        cases.append((add_noise(pictures[which], torch.randn(batch, size, generator=g), level), pictures, level))
    return cases


def _by_distance(x: Tensor, pictures: Tensor, level: float, *, shrink: bool = True, twice: float = 2.0) -> Tensor:
    apart = (x[:, None] - (level**0.5 if shrink else 1) * pictures).square().sum(-1)
    return (-apart / (twice * (1 - level))).softmax(-1) @ pictures


def _steps() -> list[Arguments]:
    g = _random()
    return [
        (torch.randn(b, 4, h, 3, generator=g), torch.randn(b, 4, h, 3, generator=g), now, then)
        for b, h, now, then in ((2, 5, NOW, THEN), (1, 2, 0.09, 0.25), (3, 4, 0.8, 0.95))
    ]


def _stepped(x: Tensor, noise: Tensor, now: float, then: float) -> Tensor:
    return add_noise(read_prediction(noise, x, now, "epsilon").clean, noise, then)


def _predictions() -> list[Arguments]:
    g = _random()
    sizes = ((2, 3, 4, 5.0), (1, 5, 2, 1.0), (3, 2, 6, 0.0))
    return [(torch.randn(b, 4, h, w, generator=g), torch.randn(b, 4, h, w, generator=g), s) for b, h, w, s in sizes]


def _parts() -> list[Arguments]:
    g = _random()
    found = []
    for b, h, w in ((2, 3, 4), (1, 5, 2), (3, 2, 6)):
        noisy, agnostic, pose = (torch.randn(b, 4, h, w, generator=g) for _ in range(3))
        found.append((noisy, agnostic, torch.rand(b, 1, h, w, generator=g), pose))
    return found


def _same_signal() -> int:
    """The last step of the zero-terminal schedule that keeps at least as much signal as Stable Diffusion's last."""
    released = noise_schedule()
    return int((zero_terminal(released) >= released[-1]).nonzero().max())


by_hand_6_1 = by_hand(
    "by_hand_6_1",
    0.25,
    "the clean value of a pixel of 0.8 at alpha-bar 0.64, where the network predicts the noise 1, one number",
    {
        0.6875: "You weighed with alpha-bar itself. Amplitudes are the roots: variances add up to 1.",
        0.2: "You took the noise off. What is left is the clean value times its amplitude.",
        0.0: "The two amplitudes are exchanged: the clean picture has the root of alpha-bar.",
        1.75: "You added the noise a second time. It is to be taken off.",
        0.3333: "You divided by the amplitude of the noise. The clean value was weighed with the other one.",
    },
)

end_in_noise = Exercise(
    name="end_in_noise",
    signature="alpha_bars [t], of any schedule -> the schedule that ends in pure noise, [t]",
    reference=_squeezed,
    cases=_schedules,
    mistakes=(
        Mistake(
            "no stretch",
            lambda a: _squeezed(a, stretch=False),
            "The end is right, but the first step has lost signal too. Stretch so that it keeps what it had.",
        ),
        Mistake(
            "not the roots",
            lambda a: _squeezed(a, root=False),
            "You shift alpha-bar. What is shifted and stretched is the amplitude of the signal.",
        ),
        Mistake(
            "only the last",
            _end_at_zero,
            "You change the last step alone: from it to the one before is a leap that no other step makes.",
        ),
        Mistake(
            "roots returned", lambda a: _squeezed(a).sqrt(), "Those are amplitudes. The result is wanted as alpha-bar."
        ),
        Mistake("unchanged", lambda a: a, "At its last step your schedule still keeps some signal."),
    ),
    tolerance=1e-5,
)

best_guess = Exercise(
    name="best_guess",
    signature="noisy [b n], pictures [k n], alpha_bar -> the mean picture that errs least, [b n]",
    reference=ideal_denoiser,
    cases=_noisy_pictures,
    mistakes=(
        Mistake(
            "nearest alone",
            lambda x, p, a: p[(x[:, None] - a**0.5 * p).square().sum(-1).argmin(1)],
            "You answer with one picture. Least squared error wants the mean, by how likely each is.",
        ),
        Mistake(
            "not shrunk",
            lambda x, p, a: _by_distance(x, p, a, shrink=False),
            "You compare the noisy picture with clean ones. What would each look like, without noise, at this level?",
        ),
        Mistake(
            "without the two",
            lambda x, p, a: _by_distance(x, p, a, twice=1.0),
            "Your weights are too sure: the exponent of a Gaussian has twice the variance below.",
        ),
        Mistake(
            "deviation for variance",
            lambda x, p, a: (-(x[:, None] - a**0.5 * p).square().sum(-1) / (2 * (1 - a) ** 0.5)).softmax(-1) @ p,
            "You divide by the noise's amplitude. In the exponent stands its square.",
        ),
        Mistake(
            "mean of squares",
            lambda x, p, a: (-(x[:, None] - a**0.5 * p).square().mean(-1) / (2 * (1 - a))).softmax(-1) @ p,
            "You average the squares over the pixels. Likelihoods of pixels are multiplied, so their exponents add.",
        ),
        Mistake(
            "all alike",
            lambda x, p, a: p.mean(0).expand(len(x), -1),
            "That is the answer at pure noise. What is seen makes some pictures likelier than others.",
        ),
    ),
)

sampler_step = Exercise(
    name="sampler_step",
    signature="noisy [b c h w], predicted noise [b c h w], alpha-bar now, alpha-bar then -> the next picture [b c h w]",
    reference=_stepped,
    cases=_steps,
    mistakes=(
        Mistake(
            "read at the new level",
            lambda x, e, now, then: add_noise(read_prediction(e, x, then, "epsilon").clean, e, then),
            "The picture is as noisy as NOW says: read the clean one at that level, then noise it to the other.",
        ),
        Mistake(
            "not divided",
            lambda x, e, now, then: add_noise(x - (1 - now) ** 0.5 * e, e, then),
            "Without its noise the picture is still faint: the clean one was weighed with an amplitude.",
        ),
        Mistake(
            "all the way",
            lambda x, e, now, then: read_prediction(e, x, now, "epsilon").clean,
            "That is the predicted clean picture. A step goes only to the next noise level.",
        ),
        Mistake(
            "without noise",
            lambda x, e, now, then: then**0.5 * read_prediction(e, x, now, "epsilon").clean,
            "The next picture is still noisy: the predicted noise belongs into it, less of it.",
        ),
        Mistake(
            "levels exchanged",
            lambda x, e, now, then: _stepped(x, e, then, now),
            "Your step goes from THEN to NOW, towards more noise.",
        ),
    ),
)

guidance = Exercise(
    name="guidance",
    signature="with the condition [b c h w], without [b c h w], scale -> the guided prediction [b c h w]",
    reference=guided,
    cases=_predictions,
    mistakes=(
        Mistake(
            "counted from the condition",
            lambda c, u, s: c + s * (c - u),
            "At scale 1 yours goes twice as far as the condition. Where does the way begin?",
        ),
        Mistake(
            "exchanged",
            lambda c, u, s: c + s * (u - c),
            "At scale 0 yours is the conditional prediction: they are exchanged.",
        ),
        Mistake(
            "only scaled",
            lambda c, u, s: s * c,
            "The unconditional prediction is missing: guidance moves along a difference.",
        ),
        Mistake("the difference alone", lambda c, u, s: s * (c - u), "That is the way, but not where it begins."),
        Mistake(
            "between the two",
            lambda c, u, s: u + min(s, 1.0) * (c - u),
            "Yours stops at the condition. Guidance with a scale above 1 goes beyond it.",
        ),
    ),
)

thirteen_channels = Exercise(
    name="thirteen_channels",
    signature="noisy [b 4 h w], agnostic [b 4 h w], mask [b 1 h w] (1 = paint), dense pose [b 4 h w] -> [b 13 h w]",
    reference=lambda n, a, m, p: torch.cat((n, a, 1 - m, p), 1),
    cases=_parts,
    mistakes=(
        Mistake(
            "polarity",
            lambda n, a, m, p: torch.cat((n, a, m, p), 1),
            "The order is right, the mask says the opposite: in this input 1 means keep.",
        ),
        Mistake(
            "mask second",
            lambda n, a, m, p: torch.cat((n, 1 - m, a, p), 1),
            "That is the order of Stable Diffusion's inpainting model. Here the mask stands behind them.",
        ),
        Mistake(
            "both",
            lambda n, a, m, p: torch.cat((n, m, a, p), 1),
            "Two things: the mask's place, and what 1 means in it.",
        ),
        Mistake(
            "pose before agnostic",
            lambda n, a, m, p: torch.cat((n, p, 1 - m, a), 1),
            "Agnostic and dense pose are exchanged. Nothing raises an error: both have four channels.",
        ),
        Mistake(
            "rounded mask",
            lambda n, a, m, p: torch.cat((n, a, (m < 0.5).to(n.dtype), p), 1),
            "You round the mask. At an edge a latent is covered in part, and the mask says by how much.",
        ),
    ),
)

leaking_step = by_hand(
    "leaking_step",
    _same_signal(),
    "the last step of the zero-terminal schedule that keeps as much signal as Stable Diffusion's last, a whole number",
    {
        999: "At 999 the schedule that ends in pure noise has nothing left.",
        _same_signal() + 1: "One step later there is a little less. The question is for the last that keeps as much.",
        int((noise_schedule() >= noise_schedule()[-1] ** 0.5).nonzero().max()): "You compared an amplitude of one "
        "schedule with an alpha-bar of the other, and in the schedule that does not end in noise.",
        int((zero_terminal(noise_schedule()) >= noise_schedule()[-1] ** 0.5).nonzero().max()): "You compared "
        "alpha-bar of the one with an amplitude of the other: square it.",
    },
    tolerance=1e-4,
)
