"""Diffusion transformers with joined attention at their published sizes, as diffusers builds them, to be counted.

Stable Diffusion 3 and FLUX are no models of this library. Their shapes are those of diffusers' classes (FLUX: its
defaults; Stable Diffusion 3 medium: 24 blocks of 24 heads) and were not compared with released files. Here they are
given garment and person side by side, as CatVTON-FLUX does.

Book: sec-joint-blocks.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel

from vtonlib.ladder.networks import STABLE_DIFFUSION, Probe

Transformer = Literal["SD3", "FLUX"]
TRANSFORMERS: tuple[Transformer, ...] = get_args(Transformer)
"""Those that are known."""
SD3_MEDIUM: dict[str, Any] = {
    "num_layers": 24,
    "num_attention_heads": 24,
    "caption_projection_dim": 1536,
    "pos_embed_max_size": 192,
}
"""Arguments of ``SD3Transformer2DModel``; the rest are its defaults."""
FILL_CHANNELS = 384
"""Of a FLUX that fills holes: noisy and masked latents, 64 each, and 256 pixels of the mask."""
TEXT_TOKENS = {"SD3": 333, "FLUX": 512}
"""Tokens of a text, at most: 77 of CLIP and 256 of T5; 512 of T5."""
PATCH = 2
"""Rows and columns of latents in one token, of both."""


def transformer(name: Transformer, *, height: int = 1024, width: int = 768) -> Probe:
    """The network on the meta device, and a call of it on a garment and a person of this size, side by side.

    Raises:
        ValueError: for another name.
    """
    if name not in TRANSFORMERS:
        raise ValueError(f"no transformer is called {name!r}; there are {', '.join(TRANSFORMERS)}")
    rows, columns = height // STABLE_DIFFUSION, 2 * width // STABLE_DIFFUSION
    tokens = rows * columns // PATCH**2
    with torch.device("meta"):
        text, time = torch.empty(1, TEXT_TOKENS[name], 4096), torch.empty(1)
        if name == "SD3":
            model: Any = SD3Transformer2DModel(**SD3_MEDIUM)
            given = {
                "hidden_states": torch.empty(1, 16, rows, columns),
                "encoder_hidden_states": text,
                "pooled_projections": torch.empty(1, 2048),
                "timestep": time,
            }
        else:
            model = FluxTransformer2DModel(in_channels=FILL_CHANNELS, out_channels=64, guidance_embeds=True)
            given = {
                "hidden_states": torch.empty(1, tokens, FILL_CHANNELS),
                "encoder_hidden_states": text,
                "pooled_projections": torch.empty(1, 768),
                "timestep": time,
                "guidance": time,
                "img_ids": torch.empty(tokens, 3),
                "txt_ids": torch.empty(TEXT_TOKENS[name], 3),
            }
    return Probe(model, lambda: model(**given), tokens)
