"""What reaches the shipped StableVITON's pictures over the short way, and in which of its two readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vtonlib import checkpoints
from vtonlib.evaluation import ssim
from vtonlib.evaluation.baselines import copy_flow, paste
from vtonlib.evaluation.references import MOVED, reference_images
from vtonlib.models.autoencoder import decode, encode
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline

NAME, PEOPLE = "stableviton-tiny", 32
Change = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
READINGS: dict[str, Change] = {
    "soft": lambda soft, sharp: (soft, soft),
    "sharp": lambda soft, sharp: (sharp, sharp),
}
"""What takes the place of the two readings."""


@contextmanager
def read_otherwise(composition: nn.Module, change: Change) -> Iterator[None]:
    """Within it, every mix is given something else."""

    def changed(mix: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor]:
        soft, sharp = arguments[0].chunk(2, dim=1)
        return (torch.cat(change(soft, sharp), dim=1),)

    hooks = [mix.register_forward_pre_hook(changed) for mix in composition.mix]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """Masked SSIM of people of the test split in others' garments, painted in one step, by what the short way carries.

    A seed is other people and other noise. ``whole`` is the model as it is; ``soft`` and ``sharp`` give both places of
    the mix the same reading; ``closed`` carries nothing. ``copy`` is the garment in its own place, ``moved`` what the
    autoencoder makes of the garment's latents, moved by the true flow.
    """
    pipeline, world = checkpoints.load(NAME), checkpoints.source(NAME)
    assert isinstance(pipeline, TryOnDiffusionPipeline)
    pipeline.set_progress_bar_config(disable=True)
    batch = world.unpaired("test", torch.arange(seed * PEOPLE, (seed + 1) * PEOPLE))
    composition, coder = pipeline.unet.composition, pipeline.autoencoder

    def score(image: Tensor) -> float:
        return float(ssim(image, batch.person, batch.agnostic_mask).nanmean())

    def painted() -> float:
        draw = torch.Generator().manual_seed(seed)
        return score(pipeline(**batch.inputs, num_inference_steps=1, generator=draw).images)

    found = {"whole": painted()}
    for name, change in READINGS.items():
        with read_otherwise(composition, change):
            found[name] = painted()
    hook = composition.register_forward_hook(lambda part, given, out: torch.zeros_like(out))
    found["closed"] = painted()
    hook.remove()
    references = reference_images(batch, lambda x: encode(coder, x), lambda x: decode(coder, x))
    found |= {"copy": score(paste(batch, copy_flow(batch), batch.agnostic_mask)), "moved": score(references[MOVED])}
    return found | {
        "worth": found["whole"] - found["closed"],
        "sharp_over_soft": found["sharp"] - found["soft"],
    }
