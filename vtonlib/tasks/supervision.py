"""Losses on a model's attention, as terms of its loss: told where to look, only how to look, or what to carry.

Book: sec-attention-supervision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.data.moving import read_known
from vtonlib.grids import coordinate_grid, resize_mask
from vtonlib.losses.attention import coordinate_supervision, row_supervision
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.flow import TEMPERATURE, leffa
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.settings import Natural, Range, Settings, Share, Weight
from vtonlib.tasks.base import Task

Time = Annotated[int, Range(0, 1000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class When(Settings):
    """Which attentions a loss is on, in which steps, and at which noise levels."""

    layers: str = "unet.warps.*.attn2.core"
    """Shell pattern of the attentions, by their paths in the task."""
    from_step: Natural = 0
    """First step with the loss."""
    until_step: Natural = 0
    """First step without it again; 0: never."""
    min_time: Time = 0
    """Only samples at this noise level or a higher one count,"""
    max_time: Time = 1000
    """and at this one or a lower one. A loss is the mean over the rows that count, however few."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if 0 < self.until_step <= self.from_step:
            raise ValueError(f"until_step={self.until_step}: expected 0, or more than from_step={self.from_step}")
        if self.min_time > self.max_time:
            raise ValueError(f"min_time={self.min_time}: expected at most max_time={self.max_time}")

    @property
    def active(self) -> bool:
        """Whether any loss has a weight."""
        return False

    def at(self, step: int) -> bool:
        """Whether there is a loss at a step."""
        return self.active and self.from_step <= step and not 0 < self.until_step <= step

    def chosen(self, time: Int[Tensor, " b"]) -> Float[Tensor, "b 1 1 1"]:
        """1 for samples whose noise level lies in the range, else 0."""
        return ((time >= self.min_time) & (time <= self.max_time)).view(-1, 1, 1, 1).float()


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervision(When):
    """Attention told the truth; by default none.

    Only the world knows the true flow: of photographs nothing is supervised, and the terms are 0.
    """

    coordinates: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.attention.coordinate_supervision`, averaged over the layers."""
    rows: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.attention.row_supervision`, averaged over the layers."""

    @property
    def active(self) -> bool:
        """Whether anything is supervised at some step."""
        return max(self.coordinates, self.rows) > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaping(When):
    """Attention told how to look without being told where, as on photographs; by default nothing.

    StableVITON's released weight of the variation is 0.001, on its one block of 32x24 tokens, for a model that is
    trained already.
    """

    total_variation: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.total_variation.attention_total_variation`, averaged over the layers."""
    entropy: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.entropy.attention_entropy`, averaged over the layers."""

    @property
    def active(self) -> bool:
        """Whether anything is shaped at some step."""
        return max(self.total_variation, self.entropy) > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Following(When):
    """Attention that must carry the reference's colours to where the target has them: Leffa's loss; by default none.

    The paper's weight is 0.001, at noise levels below 500 of 1,000 (``max_time=499``), in the last stage of training.
    """

    leffa: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.flow.leffa`, averaged over the layers."""
    temperature: Annotated[float, Range(0, above=True)] = TEMPERATURE
    """Of the attention as the loss reads it."""
    resolution: Share = 0.0
    """Only attentions with at least so many rows of tokens for each row of what is warped. The paper's is 1/32 of a
    picture's rows, which is 1/4 of those of latents an eighth as large."""

    @property
    def active(self) -> bool:
        """Whether anything follows at some step."""
        return self.leffa > 0


@contextmanager
def observe(task: Task, *settings: When) -> Iterator[tuple[Mapping[str, AttentionRecord], ...]]:
    """What the chosen attentions do within the block, by name, for each of the settings; nothing where no loss is.

    Raises:
        ValueError: listing the attentions, where none matches ``layers``.
    """
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(AttentionTap(task, when.layers)) if when.at(task.step) else {} for when in settings
        )


def supervise(
    settings: Supervision,
    records: Mapping[str, AttentionRecord],
    flow: Float[Tensor, "b h w 2"],
    flow_mask: Float[Tensor, "b 1 h w"],
    time: Int[Tensor, " b"],
) -> dict[str, Tensor]:
    """The weighted terms, ``coordinates`` and ``rows``, of those whose weight is not 0.

    Args:
        settings: weights and noise levels.
        records: the attentions, by name.
        flow: the true correspondence, on any lattice: each attention reads it on its own.
        flow_mask: where it is known.
        time: noise level of each sample.
    """
    losses = {
        "coordinates": (settings.coordinates, coordinate_supervision),
        "rows": (settings.rows, row_supervision),
    }

    def read(record: AttentionRecord) -> tuple[Tensor, Tensor]:
        places = coordinate_grid(*record.query_grid, device=flow.device).expand(len(flow), -1, -1, -1)
        known, mask = read_known(flow.float(), flow_mask.float(), places)
        return known, mask * settings.chosen(time)

    return _weighted(losses, records, read)


def shape(
    settings: Shaping,
    records: Mapping[str, AttentionRecord],
    worn: Float[Tensor, "b 1 h w"],
    time: Int[Tensor, " b"],
) -> dict[str, Tensor]:
    """The weighted terms, ``total_variation`` and ``entropy``, of those whose weight is not 0.

    Args:
        settings: weights and noise levels.
        records: the attentions, by name.
        worn: where the garment is worn, on any lattice. A query counts where it covers more than a half of its token;
            the released code reads the nearest pixel instead.
        time: noise level of each sample.
    """
    losses = {
        "total_variation": (settings.total_variation, attention_total_variation),
        "entropy": (settings.entropy, attention_entropy),
    }

    def read(record: AttentionRecord) -> tuple[Tensor]:
        return ((resize_mask(worn.float(), *record.query_grid) > 0.5) * settings.chosen(time),)

    return _weighted(losses, records, read)


def follow(
    settings: Following,
    records: Mapping[str, AttentionRecord],
    pictures: tuple[Float[Tensor, "b c H W"], Float[Tensor, "b c H W"]],
    mask: Float[Tensor, "b 1 H W"],
    time: Int[Tensor, " b"],
) -> dict[str, Tensor]:
    """The weighted term ``leffa``, where its weight is not 0.

    Args:
        settings: weight, temperature, resolution and noise levels.
        records: the attentions, by name.
        pictures: the reference and the target, or the latents of both.
        mask: where the target shows what the reference does, and samples that were shown it.
        time: noise level of each sample.

    Raises:
        ValueError: where no attention is as fine as ``settings.resolution``.
    """
    reference, target = pictures
    rows = target.shape[-2]
    fine = {name: r for name, r in records.items() if r.query_grid.height / rows >= settings.resolution}
    if records and not fine:
        found = ", ".join(f"{name} {r.query_grid.height}" for name, r in records.items())
        raise ValueError(f"resolution={settings.resolution:g} of {rows} rows: no attention has so many ({found})")
    losses = {"leffa": (settings.leffa, partial(leffa, temperature=settings.temperature))}
    chosen = mask * settings.chosen(time)
    return _weighted(losses, fine, lambda record: (reference, target, chosen))


def _weighted(
    losses: Mapping[str, tuple[float, Callable[..., Tensor]]],
    records: Mapping[str, AttentionRecord],
    read: Callable[[AttentionRecord], tuple[Tensor, ...]],
) -> dict[str, Tensor]:
    """Each loss of weight above 0, averaged over the records, times its weight; ``read`` gives its other arguments."""
    terms: dict[str, list[Tensor]] = {name: [] for name, (weight, _) in losses.items() if weight and records}
    for joined in records.values():
        record = joined.per_key_grid()[-1]  # Leffa's attention joins the painted picture's keys with the reference's
        record.check_differentiable()
        rest = read(record)
        for name, values in terms.items():
            values.append(losses[name][1](record, *rest))
    return {name: losses[name][0] * torch.stack(values).mean() for name, values in terms.items()}
