"""Pictures of the three stages, and plots of arms."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vtonlib.config import DataConfig
from vtonlib.data.parse import GROUPS
from vtonlib.data.world import World
from vtonlib.models.alias import ALIASGenerator
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.presets import preset
from vtonlib.tasks.geometric_matching import GeometricMatchingTask
from vtonlib.tasks.segmentation import SegmentationTask
from vtonlib.viz.stages import GROUP_COLOURS, arms_figure, coloured_groups, stage_pictures


def test_every_group_has_a_colour_and_the_misaligned_label_one_more() -> None:
    labels = F.one_hot(torch.arange(len(GROUPS) + 1)).float().T[None, :, :, None]
    picture = coloured_groups(labels)
    assert len(GROUP_COLOURS.split()) == len(GROUPS) + 1
    assert torch.unique(picture[0, :, :, 0], dim=1).shape[1] == len(GROUPS) + 1
    assert torch.allclose((picture[0, :, -1, 0] + 1) * 127.5, torch.tensor([255.0, 13.0, 102.0]))
    with pytest.raises(ValueError, match="at most 8 channels"):
        coloured_groups(torch.zeros(1, 9, 2, 2))


def test_the_pictures_are_what_the_stages_made() -> None:
    torch.manual_seed(0)
    config = preset("geometric_matching")
    segmentation, matching = SegmentationTask(preset("segmentation").task), None  # type: ignore[arg-type]
    matching = GeometricMatchingTask(config.task, config.data)  # type: ignore[arg-type]
    assert isinstance(segmentation.segmentation, SegmentationGenerator) and isinstance(
        matching.matcher, GeometricMatcher
    )
    painter = ALIASGenerator(9, len(GROUPS), (4, 4), mask_norm_blocks=1, hidden=4)
    pipeline = ALIASPipeline(segmentation.segmentation.eval(), matching.matcher.eval(), painter.eval())
    batch = World(DataConfig()).unpaired("test", torch.arange(2))
    made, again = stage_pictures(pipeline, batch), stage_pictures(pipeline, batch)
    assert list(made) == ["garment", "agnostic", "1 segmented", "2 warped", "misaligned", "3 painted", "truth"]
    assert all(picture.shape[-2:] == (64, 48) for picture in made.values())
    assert torch.equal(made["truth"], batch.person) and torch.equal(made["3 painted"], again["3 painted"])
    outside = 1 - batch.agnostic_mask
    torch.testing.assert_close(made["3 painted"] * outside, batch.agnostic * outside)


def test_a_plot_of_arms_shows_every_seed_and_the_mean() -> None:
    figure = arms_figure({"random": {"a": [0.1, 0.3], "b": [0.2, 0.2]}, "white": {"a": [0.5, 0.5]}}, label="leak")
    left, right = figure.axes
    means = [line.get_xdata()[0] for line in left.lines[::2]]  # type: ignore[index]
    assert means == pytest.approx([0.2, 0.2]) and len(right.lines) == 2
    assert list(left.lines[1].get_xdata()) == [0.1, 0.3] and left.get_title() == "random"  # type: ignore[arg-type]
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b"]
