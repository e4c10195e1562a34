"""Which shortcut survives which augmentation? The strips of the chapter on augmentation, by seeds."""

from __future__ import annotations

import torch

from vtonlib.models.strip import How, draw_strips, train_strip_matcher

TRAINED: tuple[How, ...] = ("none", "together", "separate")


def measure(seed: int) -> dict[str, float]:
    """Errors in cells by what the keys see and how training strips were pushed, tested on strips pushed separately.

    ``_own`` is tested on strips pushed as in training.
    """
    tests = {how: draw_strips(1024, how, torch.Generator().manual_seed(1000 + seed)) for how in TRAINED}
    found = {}
    for how in TRAINED:
        for sees in (True, False):
            model = train_strip_matcher(how, sees=sees, seed=seed)
            name = f"{'sees' if sees else 'blind'}_{how}"
            found[name] = model.error(tests["separate"])
            if not sees:
                found[f"{name}_own"] = model.error(tests[how])
    return found
