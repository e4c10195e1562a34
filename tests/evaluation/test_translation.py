"""Scores of unpaired translations: what they count, what they leave out, and that references order as they should."""

from functools import partial

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.domains import Domains
from vtonlib.data.world import World
from vtonlib.evaluation.translation import TARGETS, UNCHANGED, TranslationEvaluation, translation_scores
from vtonlib.models.classifier import load_classifier

COLUMNS = ["texture", "patterned", "FID", "KID", "outside L1", "outside SSIM"]


@pytest.fixture(scope="module")
def domains():
    return Domains(World(DataConfig()))


@pytest.fixture(scope="module")
def batch(domains):
    return domains.paired("test", range(24))


@pytest.fixture(scope="module")
def true(domains):
    return domains.counterfactual("test", range(24))


def evaluation():
    classifier = load_classifier()
    return TranslationEvaluation("test", extractor=classifier, patterned=partial(classifier.shows, texture="stripes"))


def test_the_sources_own_pattern_changes_texture_and_nothing_outside(batch, true):
    before, after = (translation_scores(image, batch.source, batch.source_region) for image in (batch.source, true))
    assert (after["texture"] > 2 * before["texture"]).all()
    for scores in (before, after):
        assert not scores["outside L1"].any()
        torch.testing.assert_close(scores["outside SSIM"], torch.ones(24), atol=1e-4, rtol=0)


def test_what_is_done_inside_is_not_seen_outside_and_the_other_way_round(batch):
    inside = batch.source_region
    noise = torch.randn(batch.source.shape, generator=torch.Generator().manual_seed(0)) * 0.3
    in_it, beside = (
        translation_scores((batch.source + noise * mask).clamp(-1, 1), batch.source, inside)
        for mask in ((inside > 0).float(), (inside == 0).float())
    )
    clean = translation_scores(batch.source, batch.source, inside)
    assert not in_it["outside L1"].any() and (in_it["texture"] > 3 * clean["texture"]).all()
    assert (beside["outside L1"] > 0.1).all() and (beside["outside SSIM"] < 0.9).all()
    torch.testing.assert_close(beside["texture"], clean["texture"])


def test_the_error_outside_is_a_mean_over_pixels_outside():
    source = torch.zeros(1, 3, 16, 16)
    region = torch.zeros(1, 1, 16, 16)
    region[..., 4:12, 4:12] = 1
    image = source.clone()
    image[..., 0, :] = 0.6
    scores = translation_scores(image, source, region)
    torch.testing.assert_close(scores["outside L1"], torch.tensor([0.6 * 16 / (256 - 64)]))
    region[..., 0, :] = 0.1
    assert not translation_scores(image, source, region)["outside L1"].any(), "what the region touches is not outside"


def test_the_table_orders_references(batch, true):
    scores = evaluation()
    for rows in (slice(0, 12), slice(12, 24)):
        scores.add(batch[rows], {"grey": torch.zeros_like(batch.source[rows])}, {"true": true[rows]})
    table = scores.table()
    assert [metric.name for metric in table.metrics] == COLUMNS and table.chance == UNCHANGED
    assert [(row.method, row.kind) for row in table.rows] == [
        *[("grey", "model")],
        *[(name, "baseline") for name in (UNCHANGED, "true", TARGETS)],
    ]
    mean = {
        (row, name): cell.mean
        for row in ("grey", UNCHANGED, "true")
        for name in COLUMNS
        if (cell := table.cell(row, name))
    }
    assert mean["true", "FID"] < mean[UNCHANGED, "FID"] < mean["grey", "FID"]
    assert mean["true", "KID"] < mean[UNCHANGED, "KID"] < mean["grey", "KID"]
    assert mean["true", "patterned"] > 0.7 > 0.3 > mean[UNCHANGED, "patterned"]
    assert 0.7 < mean["true", "texture"] < 1.4 and mean[UNCHANGED, "texture"] < 0.4 and mean["grey", "texture"] == 0
    assert mean["grey", "outside L1"] > 0.2 > mean["true", "outside L1"] == 0
    assert table.cell(TARGETS, "texture").mean == pytest.approx(1, abs=1e-6)
    assert table.cell(TARGETS, "FID") is None and table.cell(TARGETS, "outside L1") is None


def test_what_is_refused(batch, true):
    scores = evaluation()
    with pytest.raises(ValueError, match="nothing was added to the evaluation of the split 'test'"):
        scores.table()
    for translations, references in (({UNCHANGED: true}, {}), ({}, {TARGETS: true}), ({"a": true}, {"a": true})):
        with pytest.raises(ValueError, match="is the name of another row"):
            scores.add(batch, translations, references)


def test_one_picture_has_scores_and_no_distance(batch, true):
    scores = evaluation()
    scores.add(batch[:1], {"translation": true[:1]}, {})
    table = scores.table()
    assert table.cell("translation", "FID") is None and table.cell("translation", "outside L1").mean == 0
