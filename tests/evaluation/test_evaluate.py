from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation import (
    BASELINES,
    Provenance,
    Report,
    SplitEvaluation,
    beats,
    correspondence_scores,
    image_scores,
)
from vtonlib.evaluation.correspondence import end_point_error
from vtonlib.grids import coordinate_grid, resize_flow, to_pixels

TOKENS = Grid(8, 6)


@dataclass
class MeanColour:
    name: str = "mean colour"

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


def sharp(batch: TryOnBatch, keys: Grid) -> AttentionRecord:
    """Attention of a matcher that knows the affine truth of the hand-made batch."""
    b = len(batch)
    truth = coordinate_grid(*TOKENS).flatten(0, 1) * torch.tensor([0.8, 0.7]) + torch.tensor([0.1, -0.1])
    places = coordinate_grid(*keys).flatten(0, 1)
    key = torch.cat((places, places.square().sum(-1, keepdim=True)), dim=-1)
    query = torch.cat((2 * truth, -torch.ones(len(truth), 1)), dim=-1)
    return AttentionRecord(query.expand(b, 1, -1, 3), key.expand(b, 1, -1, 3), 60.0, TOKENS, (keys,))


def evaluated(batch: TryOnBatch, parts: int = 1) -> SplitEvaluation:
    evaluation = SplitEvaluation("paired", tokens=TOKENS, extractor=MeanColour())
    for rows in torch.arange(len(batch)).split(len(batch) // parts):
        part = batch[rows]
        evaluation.add(
            part,
            attention={"sharp": sharp(part, Grid(16, 12)), "coarse": sharp(part, TOKENS)},
            flows={"shifted": part.flow + 0.05},
            images={"blurred": part.person * 0.9},
        )
    return evaluation


def test_every_table_has_every_baseline_and_the_chance_of_every_lattice(hand_batch: TryOnBatch) -> None:
    table = evaluated(hand_batch).table()
    methods = {row.method: row.kind for row in table.rows}
    assert list(methods)[:4] == ["sharp", "coarse", "shifted", "blurred"]
    assert {m for m, kind in methods.items() if kind == "baseline"} == {
        *BASELINES, "uniform attention 16x12", "uniform attention 8x6",
    }  # fmt: skip
    assert table.chance in methods
    for name in BASELINES:
        assert table.cell(name, "SSIM") is not None
        assert (table.cell(name, "EPE") is None) == (name == "agnostic")
    assert table.cell("uniform attention 8x6", "EPE").mean == pytest.approx(table.cell("uniform", "EPE").mean)


def test_numbers(hand_batch: TryOnBatch) -> None:
    table = evaluated(hand_batch).table()
    assert table.cell("oracle", "EPE").mean == 0
    assert table.cell("oracle", "SSIM").mean == pytest.approx(1)
    assert table.cell("oracle", "FID").mean == pytest.approx(0, abs=1e-6)
    assert table.cell("uniform", "mirror swaps").mean == 0.5
    assert table.cell("flip", "mirror swaps").mean == 1
    by_hand = to_pixels(torch.tensor([0.05, 0.05]), *hand_batch.size).norm().item()
    assert table.cell("shifted", "EPE").mean == pytest.approx(by_hand, rel=1e-4)
    assert table.cell("shifted", "EPE tokens").mean == pytest.approx(
        to_pixels(torch.tensor([0.05, 0.05]), *TOKENS).norm().item(), rel=1e-4
    )
    assert table.cell("sharp", "attention mass").mean > 3 * table.cell("uniform attention 16x12", "attention mass").mean
    assert table.cell("shifted", "SSIM") is None and table.cell("blurred", "EPE") is None
    assert "mean colour" in table.markdown()


def test_batches_of_a_split_add_up(hand_batch: TryOnBatch) -> None:
    whole, parts = evaluated(hand_batch).table(), evaluated(hand_batch, parts=3).table()
    for row, other in zip(whole.rows, parts.rows, strict=True):
        for a, b in zip(row.cells, other.cells, strict=True):
            assert (a is None) == (b is None)
            assert a is None or (*a,) == pytest.approx((*b,), rel=1e-4, abs=1e-6, nan_ok=True)


def test_a_report_tells_whether_a_method_beats_a_baseline(hand_batch: TryOnBatch) -> None:
    about = Provenance.collect(command="", checkpoint="", extractor="")
    report = Report("r", (evaluated(hand_batch).table(),), about)
    assert beats(report, "paired", "EPE", "sharp", "uniform")
    assert beats(report, "paired", "masked SSIM", "blurred", "agnostic")
    assert not beats(report, "paired", "EPE", "sharp", "oracle")
    assert Report.from_json(report.to_json()).markdown() == report.markdown()


def test_flows_of_any_lattice_are_compared_at_the_resolution_of_the_images(hand_batch: TryOnBatch) -> None:
    coarse = coordinate_grid(*TOKENS).expand(3, *TOKENS, 2) * torch.tensor([0.8, 0.7]) + torch.tensor([0.1, -0.1])
    scores = correspondence_scores(coarse, hand_batch, TOKENS)
    assert scores["EPE"].lt(1e-4).all()
    by_hand = end_point_error(
        resize_flow(coarse * 0.5, *hand_batch.size), hand_batch.flow, hand_batch.flow_mask, lattice=hand_batch.size
    )
    torch.testing.assert_close(correspondence_scores(coarse * 0.5, hand_batch, TOKENS)["EPE"], by_hand)


def test_photographs_without_truth_give_no_numbers_but_fid(hand_batch: TryOnBatch) -> None:
    nothing = torch.zeros_like(hand_batch.flow_mask)
    batch = replace(hand_batch, flow_mask=nothing, garment_region=nothing, flow=hand_batch.flow * 0)
    assert all(values.isnan().all() for values in image_scores(batch.person, batch).values())
    table = evaluated(batch).table()
    assert table.cell("sharp", "EPE").n == 0
    assert table.cell("blurred", "SSIM").n == 0
    assert table.cell("blurred", "FID").mean > 0


def test_without_an_extractor_there_is_no_fid(hand_batch: TryOnBatch) -> None:
    evaluation = SplitEvaluation("paired", tokens=TOKENS)
    evaluation.add(hand_batch)
    assert evaluation.table().cell("oracle", "FID") is None


def test_lpips_is_a_column_where_there_is_a_network(hand_batch: TryOnBatch) -> None:
    class Squares(torch.nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return (x - y).square().mean((1, 2, 3), keepdim=True)

    evaluation = SplitEvaluation("paired", tokens=TOKENS, lpips=Squares())
    evaluation.add(hand_batch)
    assert evaluation.table().cell("oracle", "LPIPS").mean == 0
    assert evaluation.table().cell("agnostic", "LPIPS").mean > 0


def test_misuse_is_named(hand_batch: TryOnBatch) -> None:
    evaluation = SplitEvaluation("paired", tokens=TOKENS)
    with pytest.raises(ValueError, match="nothing was added to the evaluation of the split 'paired'"):
        evaluation.table()
    with pytest.raises(ValueError, match="'flip' is the name of a baseline"):
        evaluation.add(hand_batch, flows={"flip": hand_batch.flow})
