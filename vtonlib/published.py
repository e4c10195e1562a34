"""Leffa's trainings as the paper tells them, stage by stage, and the shapes of the networks that were released.

They build, which a test does on the meta device; nobody ran them here, for they want days of many GPUs. Where the paper
is silent, the settings are ours: how often the reference is dropped, weight decay, no average of the weights. Three
things are not the paper's. Our tasks predict the clean latents
(:func:`vtonlib.tasks.latent_diffusion.new_scheduler`). Leffa's loss is on latents, so its threshold of 1/32 of a
picture's rows is 1/4 of theirs. And pictures for pose transfer are padded from 176 and 352 columns to 192 and 384,
which three halvings of the latents divide.

Book: sec-leffa.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from vtonlib.presets import ExperimentConfig, leffa, leffa_pose
from vtonlib.tasks.leffa import ATTENTIONS, LeffaConfig
from vtonlib.tasks.supervision import Following

SD15: dict[str, Any] = {
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "attention_levels": (True, True, True, False),
    "num_attention_heads": 8,
    "norm_num_groups": 32,
}
"""Stable Diffusion 1.5, which the paper's models of both tasks start from, and the released one for try-on."""
SDXL: dict[str, Any] = {
    "block_out_channels": (320, 640, 1280),
    "layers_per_block": 2,
    "attention_levels": (False, True, True),
    "num_attention_heads": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
    "norm_num_groups": 32,
}
"""The larger Stable Diffusion, which the released model for pose transfer starts from."""
RELEASED: dict[str, dict[str, Any]] = {
    "leffa_try_on": {**SD15, "in_channels": 12, "text_attention": "released"},
    "leffa_pose": {**SDXL, "in_channels": 12, "text_attention": "released"},
}
"""Arguments of :class:`vtonlib.models.leffa.LeffaUNet` for the released pairs, by the names of
:func:`vtonlib.official.load`."""
FOLLOWING = Following(leffa=1e-3, temperature=2.0, max_time=499, resolution=1 / 4, layers=ATTENTIONS)
"""Leffa's loss in the last stage: lambda = 1/1000, tau = 2, t < 500 of 1,000, h/H at least 1/32."""
_TASK = LeffaConfig(**SD15, keep_weight=1.0, denoising_steps=50, guidance_scale=2.5)


def _stages(config: ExperimentConfig, *stages: tuple[int, int, int, int]) -> tuple[ExperimentConfig, ...]:
    """Stages of (rows, columns, steps, batch size), and the loss in the last."""
    task = dataclasses.replace(_TASK, order="leffa_pose" if config.preset == "leffa_pose" else "leffa")
    last = dataclasses.replace(task, following=FOLLOWING)
    return tuple(
        dataclasses.replace(
            config,
            task=last if number == len(stages) else task,
            data=dataclasses.replace(config.data, height=height, width=width),
            train=dataclasses.replace(
                config.train,
                steps=steps,
                batch_size=batch_size,
                learning_rate=1e-5,
                schedule="constant",
                weight_decay=0.01,
                ema_decay=0.0,
            ),
        )
        for number, (height, width, steps, batch_size) in enumerate(stages, start=1)
    )


LEFFA_TRY_ON = _stages(leffa("base"), (512, 384, 10_000, 256), (1024, 768, 36_000, 64), (1024, 768, 10_000, 64))
"""Try-on, on VITON-HD or DressCode: each stage starts from the one before it (``task.initial``). ``task.autoencoder``
names the folder of Stable Diffusion's autoencoder, ``data.root`` the data set."""
LEFFA_POSE = _stages(leffa_pose("base"), (256, 192, 80_000, 256), (512, 384, 80_000, 256), (512, 384, 24_000, 256))
"""Pose transfer, on DeepFashion; the batch size is told of the first stage only."""
