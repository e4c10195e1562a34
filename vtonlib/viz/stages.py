"""Pictures of VITON-HD's three stages, and plots of arms that were trained with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import visible_groups
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.viz.figures import NEUTRAL, PALETTE, _subplots

GROUP_COLOURS = "e6e6e6 1f83d6 2a9d5c f2cc99 e66100 b05fd0 333333 ff0d66"
"""Of :data:`vtonlib.data.parse.GROUPS`, in channel order; the last is that of the misaligned label."""


def coloured_groups(labels: Float[Tensor, "b k h w"]) -> Float[Tensor, "b 3 h w"]:
    """A label map of the groups, with or without the misaligned label, as a picture in [-1, 1].

    Raises:
        ValueError: for more labels than there are colours.

    Book: sec-alias-generator.
    """
    colours = torch.tensor([[byte / 127.5 - 1 for byte in bytes.fromhex(code)] for code in GROUP_COLOURS.split()])
    if labels.shape[1] > len(colours):
        raise ValueError(f"labels are {tuple(labels.shape)}: expected at most {len(colours)} channels")
    return torch.einsum("bkhw, kc -> bchw", labels, colours[: labels.shape[1]].to(labels))


def stage_pictures(pipeline: ALIASPipeline, batch: TryOnBatch, *, seed: int = 0) -> dict[str, Float[Tensor, "b c h w"]]:
    """What the three stages make of a batch, from garment to result, with the truth last.

    Book: sec-alias-generator.
    """
    made = pipeline(
        **batch.inputs,
        garment_mask=batch.garment_mask,
        visible_groups=visible_groups(batch),
        generator=torch.Generator().manual_seed(seed),
    )
    return {
        "garment": batch.garment,
        "agnostic": batch.agnostic,
        "1 segmented": coloured_groups(made.parse),
        "2 warped": made.warped_garment,
        "misaligned": made.misalign_mask,
        "3 painted": made.images,
        "truth": batch.person,
    }


def arms_figure(panels: Mapping[str, Mapping[str, Sequence[float]]], *, label: str, scale: float = 1.0) -> Figure:
    """A panel for each name: for each arm a dot for each seed and a bar for their mean.

    Args:
        panels: by title, the values of each arm.
        label: what the values are, at the axis.
        scale: enlarges the figure.

    Book: sec-alias-generator.
    """
    most = max(len(arms) for arms in panels.values())
    figure, axes = _subplots(1, len(panels), scale * 3.4 * len(panels), scale * (0.8 + 0.3 * most))
    for place, (axis, (title, arms)) in enumerate(zip(axes[0], panels.items(), strict=True)):
        for row, values in enumerate(arms.values()):
            mean = sum(values) / len(values)
            axis.plot([mean, mean], [row - 0.3, row + 0.3], color=PALETTE[1], linewidth=2.5)
            axis.plot(values, [row] * len(values), "o", color=PALETTE[0], markersize=4, alpha=0.8)
        axis.set_yticks(range(len(arms)), list(arms) if place == 0 else [""] * len(arms))
        axis.set(title=title, xlabel=label, ylim=(len(arms) - 0.5, -0.5))
        axis.set_xlim(left=0)
        axis.grid(axis="x", color=NEUTRAL, alpha=0.25)
    return figure
