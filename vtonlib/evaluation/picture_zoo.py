"""Pictures whose errors are known: what a measure says of each tells what it sees.

A picture of the zoo is drawn by the world, or altered in one way. Those of :data:`KEPT` still show this garment on this
person, a little worse; those of :data:`LOST` show something else, however well. A measure that ranks one of the latter
above one of the former ranks wrongly. That the two kinds are two is a judgement, and stands here so that it can be
disputed.

Book: sec-picture-zoo.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from vtonlib.data.parameters import Garment
from vtonlib.data.render import Picture, paint
from vtonlib.data.source import Split
from vtonlib.data.textures import PLAIN, TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation.baselines import flip_flow, nearest_colour_flow
from vtonlib.evaluation.fabrics import _blur
from vtonlib.grids import resize_image, warp
from vtonlib.images import to_uint8

KEPT = ("one pixel aside", "brighter", "blurred", "noisy", "compressed")
"""Pictures of this garment on this person."""
LOST = ("mirrored", "other colours", "pattern missing", "smooth blend", "another garment", "another person")
"""Pictures of something else."""
MATCHED = "nearest colour"
"""The right picture from the wrong places: pictures cannot tell."""
BRIGHTER, NOISE, QUALITY, SMOOTH = 0.1, 0.08, 60, 3.0
"""How much is added to a picture in [-1, 1]; the noise's deviation; of JPEG, of 100; of the blend, in pixels of 64."""
_Images = Float[Tensor, "b 3 h w"]


def patterned(world: World, split: Split, count: int) -> Int[Tensor, " n"]:
    """The first examples of a split whose garments have a pattern that could be missing: not plain, no gradient."""
    indices = torch.arange(min(4 * count + 16, world.size(split)))
    texture = world.scenes(split, indices).garment.texture
    steady = torch.tensor([PLAIN, tuple(TEXTURES).index("gradient")])
    return indices[~torch.isin(texture, steady)][:count]


def one_aside(images: _Images) -> _Images:
    """Moved one pixel to the right; the first column stands twice."""
    return F.pad(images, (1, 0, 0, 0), mode="replicate")[..., :-1]


def compressed(images: _Images, quality: int = QUALITY) -> _Images:
    """As JPEG stores them."""
    found = []
    for pixels in to_uint8(images):
        file = io.BytesIO()
        Image.fromarray(pixels.numpy()).save(file, format="jpeg", quality=quality)
        found.append(torch.from_numpy(np.array(Image.open(file))))
    return (torch.stack(found).movedim(-1, 1).to(images.dtype) / 127.5 - 1).to(images.device)


def _repainted(picture: Picture, albedo: _Images) -> _Images:
    """The person with other cloth, colours in [0, 1], under the same light, where the flow is known."""
    worn = albedo.clamp(0, 1) * picture.shading * 2 - 1
    return torch.lerp(picture.batch.person, worn, picture.batch.flow_mask)


def _smooth(picture: Picture) -> _Images:
    """The garment's colours without its pattern: their local mean inside it."""
    inside, deviation = picture.batch.flow_mask, SMOOTH * picture.batch.size[0] / 64
    mean = _blur(picture.albedo * inside, deviation) / _blur(inside, deviation).clamp_min(1e-3)
    return _repainted(picture, mean)


def picture_zoo(world: World, split: Split, indices: Int[Tensor, " b"]) -> dict[str, _Images]:
    """The true pictures, and those of :data:`KEPT`, :data:`LOST` and :data:`MATCHED`, by name.

    Garments should be laid straight, so that a mirrored one keeps its outline, and examples should be of
    :func:`patterned`. "another person" is the next example's picture, somebody else in something else.

    Book: sec-picture-zoo.
    """
    scenes = world.scenes(split, indices)
    picture = paint(scenes, world.config.height, world.config.width)
    batch, garment = picture.batch, scenes.garment
    others = world.scenes(split, world.partner(split, indices)).garment

    def wearing(other: Garment) -> _Images:
        return paint(scenes.wearing(other), *batch.size).batch.person

    half = resize_image(batch.person, batch.size[0] // 2, batch.size[1] // 2)
    noise = torch.randn(batch.person.shape, generator=torch.Generator().manual_seed(0))
    return {
        "truth": batch.person,
        "one pixel aside": one_aside(batch.person),
        "brighter": (batch.person + BRIGHTER).clamp(-1, 1),
        "blurred": resize_image(half, *batch.size),
        "noisy": (batch.person + NOISE * noise.to(batch.person)).clamp(-1, 1),
        "compressed": compressed(batch.person),
        "mirrored": _repainted(picture, (warp(batch.garment, flip_flow(batch)) + 1) / 2),
        "other colours": wearing(replace(garment, colours=others.colours)),
        "pattern missing": wearing(replace(garment, texture=torch.full_like(garment.texture, PLAIN))),
        "smooth blend": _smooth(picture),
        "another garment": wearing(others),
        "another person": batch.person.roll(-1, 0),
        MATCHED: torch.lerp(batch.person, warp(batch.garment, nearest_colour_flow(batch)), batch.flow_mask),
    }


def wrong_pairs(values: Mapping[str, float], *, higher: bool) -> float:
    """Of all pairs of a kept picture and a lost one, the share in which the lost one scores at least as well.

    Args:
        values: a measure's value for each picture of :data:`KEPT` and :data:`LOST`.
        higher: whether more of it is better.

    A coin has a half; no value lower than 0 can be had.

    Equation: eq-wrong-pairs. Book: sec-picture-zoo.
    """
    sign = 1 if higher else -1
    pairs = [sign * values[lost] >= sign * values[kept] for kept in KEPT for lost in LOST]
    return sum(pairs) / len(pairs)
