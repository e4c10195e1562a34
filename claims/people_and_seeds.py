"""Two sources of chance, people and trainings: benchmarks/people_and_seeds.py, where the hypotheses were written."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor

from vtonlib.evaluation.comparison import difference_interval, power, sign_flip, standard_error, variance_parts

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "people_and_seeds.json"
STUDENT_8 = 2.306
"""The 97.5 % quantile of Student's t with 8 degrees of freedom."""
STUDENT_9 = 2.262
"""The same with 9."""
CHI_SQUARE_9 = 9 / 19.023, 9 / 2.700
"""Between which factors a variance found from ten lies, 95 in 100."""
DIFFERENCE = 0.01
"""That one would like to see, in garment SSIM."""


def _different(x: Tensor, y: Tensor, *, paired: bool = True) -> bool:
    interval = difference_interval(x, y, paired=paired)
    return not interval.low <= 0 <= interval.high


def _null(scores: Tensor, *, paired: bool = True) -> tuple[float, float]:
    """Of all pairs of trainings of one arm, the share that an interval over people tells apart, and its standard error:
    the jackknife over trainings, since pairs share them."""
    n = len(scores)
    told = {(i, j): _different(scores[i], scores[j], paired=paired) for i, j in combinations(range(n), 2)}
    without = torch.tensor(
        [[float(seen) for pair, seen in told.items() if i not in pair] for i in range(n)], dtype=torch.float64
    ).mean(1)
    error = ((n - 1) / n * (without - without.mean()).square().sum()).sqrt()
    return sum(told.values()) / len(told), float(error)


def _null_trainings(means: Tensor) -> float:
    """Of all ways to make two arms of five of ten trainings, the share that an interval over trainings tells apart."""
    far = []
    for chosen in combinations(range(1, len(means)), len(means) // 2 - 1):
        one = torch.tensor([0, *chosen])
        rest = torch.tensor([i for i in range(len(means)) if i not in one.tolist()])
        error = ((means[one].var() + means[rest].var()) / len(one)).sqrt()
        far.append(abs(float((means[one].mean() - means[rest].mean()) / error)) > STUDENT_8)
    return sum(far) / len(far)


def measure(seed: int) -> dict[str, float]:
    """Of garment SSIM, and of errors in tokens where a name says ``epe``; ``seed`` has no meaning: all are used."""
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]

    def scores(arm: str, name: str) -> Tensor:
        return torch.tensor([runs[str(s)][arm][name] for s in range(len(runs))], dtype=torch.float64)

    short, long = scores("short", "ssim"), scores("long", "ssim")
    errors = scores("short", "epe")
    nulls = {"null": _null(short), "null_long": _null(long), "null_epe": _null(errors)}
    apart = [float((x - y).std()) for x, y in combinations(short, 2)]
    parts, gains, nearer = variance_parts(short), (long - short).mean(1), (errors - scores("long", "epe")).mean(1)

    def two_arms(seeds: int, people: int) -> float:
        """The standard error of a difference of two arms, other trainings of each, scored on the same people."""
        return 2**0.5 * standard_error(parts._replace(people=0.0), seeds, people)

    def enough(people: int, factor: float = 1.0) -> float:
        """Trainings needed, where the variance between trainings is so many times the one found."""
        rest = 2 * parts.both / people
        tries = ((s, ((2 * factor * parts.seeds + rest) / s) ** 0.5) for s in range(1, 10000))
        return float(next(s for s, error in tries if power(DIFFERENCE, error) >= 0.8))

    return {
        "short": float(short.mean()),
        "long": float(long.mean()),
        "gain": float(gains.mean()),
        "gain_p": sign_flip(gains),
        "epe_gain": float(nearer.mean()),
        "epe_gain_p": sign_flip(nearer),
        "sd_seeds": parts.seeds**0.5,
        "sd_people": parts.people**0.5,
        "sd_both": parts.both**0.5,
        "sd_difference": sum(apart) / len(apart),
        "sd_unpaired": 2**0.5 * float(short.std(1).mean()),
        **{name: share for name, (share, _) in nulls.items()},
        **{f"{name}_se": error for name, (_, error) in nulls.items()},
        **{f"{name}_least": share - STUDENT_9 * error for name, (share, error) in nulls.items()},
        "null_unpaired": _null(short, paired=False)[0],
        "null_trainings": _null_trainings(short.mean(1)),
        "one_error": two_arms(1, 256),
        "one_power": power(DIFFERENCE, two_arms(1, 256)),
        "one_power_endless": power(DIFFERENCE, two_arms(1, 10**9)),
        "five_power": power(DIFFERENCE, two_arms(5, 256)),
        "enough_32": enough(32),
        "enough_256": enough(256),
        "enough_2048": enough(2048),
        "enough_least": enough(256, CHI_SQUARE_9[0]),
        "enough_most": enough(256, CHI_SQUARE_9[1]),
    }
