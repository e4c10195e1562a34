"""Worn garments whose colours are smooth random fields: every place of a garment can be told by its colour.

The world's fabrics repeat and have plain parts, so a painted colour does not say where it came from. Here persons,
garments' shapes, how they lie and who wears what where are the world's; only the colours are drawn anew. And where a
garment is painted in its own *coordinates*, a painting can be read as a flow, whatever network painted it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.grids import coordinate_grid, masked_mean, resize_mask
from vtonlib.records import BatchRecord

WAVES = 3
"""Plane waves of a random field."""
FINEST = 1.0
"""Periods of the fastest wave along half of the picture."""
BASE, AMPLITUDE = 0.3, 1.5
"""How far the mean colour goes from grey, and the waves from the mean colour."""
GROUND = 1.0
"""The colour beside the garment: white."""
PLACE_RANGE = 0.8
"""How far the colours that encode places go, from minus to plus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticeBatch(BatchRecord):
    """A batch of the world without the garments' colours: the person in pixels, the garment on a lattice of tokens.

    Book: sec-addition-against-attention.
    """

    person: Float[Tensor, "b 7 H W"]
    """What is known of the person: agnostic picture 3, agnostic mask 1, dense pose 3."""
    cover: Float[Tensor, "b 1 h w"]
    """Share of each token that the flat garment covers."""
    flow: Float[Tensor, "b h w 2"]
    """The true place in the garment of each token of the person."""
    known: Float[Tensor, "b 1 h w"]
    """1 where that is known, 0 elsewhere."""
    kept: Float[Tensor, "b 3 h w"]
    """Colours of the agnostic picture."""
    keep: Float[Tensor, "b 1 h w"]
    """1 where nothing of a token is to be painted, 0 elsewhere."""

    @property
    def identity(self) -> Float[Tensor, "h w 2"]:
        """Coordinates of the tokens."""
        height, width = self.cover.shape[-2:]
        return coordinate_grid(height, width, device=self.cover.device, dtype=self.cover.dtype)


def windowed(x: Float[Tensor, "b c H W"]) -> Float[Tensor, "b c h w"]:
    """The part of a person's picture where garments are worn: five eighths of the rows, two thirds of the columns."""
    height, width = x.shape[-2:]
    return x[..., 3 * height // 8 :, width // 6 : width - width // 6]


def on_lattice(batch: TryOnBatch, height: int, width: int) -> LatticeBatch:
    """The geometry of a batch on a lattice, the person cut to a window, the garment whole.

    A token's place is known where the flow of most of its pixels is.
    """
    mask = windowed(batch.flow_mask)
    share = resize_mask(mask, height, width)
    known = (share > 0.5).to(mask.dtype)
    agnostic, agnostic_mask = windowed(batch.agnostic), windowed(batch.agnostic_mask)
    return LatticeBatch(
        person=torch.cat((agnostic, agnostic_mask, windowed(batch.dense_pose)), dim=1),
        cover=resize_mask(batch.garment_mask, height, width),
        flow=lattice_flow(batch.flow, height, width, mask=batch.flow_mask) * known.movedim(1, -1),
        known=known,
        kept=resize_mask(agnostic, height, width),
        keep=(resize_mask(agnostic_mask, height, width) < 1e-3).to(mask.dtype),
    )


def lattice_flow(
    flow: Float[Tensor, "b H W 2"], height: int, width: int, *, mask: Float[Tensor, "b 1 H W"] | None = None
) -> Float[Tensor, "b h w 2"]:
    """The mean of a flow over each token of the window, over the pixels of ``mask`` where one is given."""
    values, weight = windowed(flow.movedim(-1, 1)), torch.ones_like(flow[..., :1]).movedim(-1, 1)
    weight = windowed(weight if mask is None else mask)
    total = resize_mask(weight, height, width).clamp_min(1e-6)
    return (resize_mask(values * weight, height, width) / total).movedim(1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourFields(BatchRecord):
    """Smooth colours of every place: a sum of plane waves for each channel, between -1 and 1.

    Book: sec-addition-against-attention.
    """

    frequency: Float[Tensor, "b 1 waves 2"]
    """Radians for each unit of x and of y."""
    phase: Float[Tensor, "b 3 waves"]
    """Of every wave in every channel."""
    base: Float[Tensor, "b 3"]
    """The colour they vary about."""

    @classmethod
    def random(cls, count: int, generator: torch.Generator | None = None) -> ColourFields:
        """Fields of random directions, frequencies, phases and base colours."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator)

        angle, speed = (
            2 * math.pi * uniform(count, 1, WAVES),
            math.pi * (0.25 + (FINEST - 0.25) * uniform(count, 1, WAVES)),
        )
        frequency = torch.stack((speed * angle.cos(), speed * angle.sin()), dim=-1)
        return cls(
            frequency=frequency, phase=2 * math.pi * uniform(count, 3, WAVES), base=BASE * (2 * uniform(count, 3) - 1)
        )

    def at(self, places: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b 3 h w"]:
        """The colours of places (x, y)."""
        angle = torch.einsum("bowc,bijc->bowij", self.frequency, places) + self.phase[..., None, None]
        return (self.base[..., None, None] + AMPLITUDE * angle.cos().mean(2)).clamp(-1, 1)


def place_colours(places: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b 3 h w"]:
    """Colours that say where they are: red is x, green is y, blue is 0."""
    colours = PLACE_RANGE * places.movedim(-1, 1)
    return torch.cat((colours, torch.zeros_like(colours[:, :1])), dim=1)


def read_places(painted: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w 2"]:
    """The flow that a painting of :func:`place_colours` shows: where each painted colour came from.

    Equation: eq-read-places. Book: sec-addition-against-attention.
    """
    return painted[:, :2].movedim(1, -1) / PLACE_RANGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting(BatchRecord):
    """What a painter is shown and what it should paint, for a batch of the world and colours for its garments.

    Book: sec-addition-against-attention.
    """

    batch: LatticeBatch
    """The persons, and the shapes of their garments."""
    colours: Float[Tensor, "b 3 h w"]
    """The garment's colours on its lattice, also where no cloth lies."""
    garment: Float[Tensor, "b 3 h w"]
    """The garment on its white ground."""
    truth: Float[Tensor, "b 3 h w"]
    """Those colours at the true places; it means something where ``batch.known`` is 1."""

    @classmethod
    def of(cls, batch: LatticeBatch, colours: Callable[[Tensor], Tensor]) -> Painting:
        """Garments in the colours that a function of places gives: ``ColourFields.at``, or :func:`place_colours`."""
        flat = colours(batch.identity.expand(len(batch), -1, -1, -1))
        garment = torch.lerp(torch.full_like(flat, GROUND), flat, batch.cover)
        return cls(batch=batch, colours=flat, garment=garment, truth=colours(batch.flow))

    @property
    def target(self) -> Float[Tensor, "b 3 h w"]:
        """The person in that garment."""
        return torch.lerp(self.batch.kept, self.truth, self.batch.known)

    @property
    def mean_colour(self) -> Float[Tensor, "b 3 1 1"]:
        """The garment's, over its cloth."""
        cover = self.batch.cover
        return (self.colours * cover).sum((2, 3), keepdim=True) / cover.sum((2, 3), keepdim=True)

    def loss(self, painted: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
        """The mean squared error where the answer is known: on the worn garment, and on what has to be kept."""
        return masked_mean((painted - self.target).square(), self.batch.known + self.batch.keep)
