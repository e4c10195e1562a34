"""The equations of the chapter on query selection, each from its formula, patch by patch."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from feature_maps import maps

from vtonlib.attention.neighbours import window_record
from vtonlib.attention.query_selection import RULES
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.models.translator import unit_patches


def softmax(logits: list[float]) -> list[float]:
    most = max(logits)
    weights = [math.exp(x - most) for x in logits]
    return [w / sum(weights) for w in weights]


@pytest.mark.equation("eq-patch-nce")
@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_the_loss_patch_by_patch(temperature: float) -> None:
    query, key = (unit_patches(x.flatten(2).mT) for x in maps(2, 6, 3, 4))
    found = patch_nce(query, key, temperature=temperature)
    for b in range(2):
        for i in range(12):
            terms = [math.exp(float(query[b, i] @ key[b, j]) / temperature) for j in range(12)]
            assert float(found[b, i]) == pytest.approx(-math.log(terms[i] / sum(terms)))


@pytest.mark.equation("eq-query-entropy")
def test_entropies_row_by_row() -> None:
    source, _ = maps(2, 6, 3, 5)
    found = RULES["global"].entropy(source)
    for b, tokens in enumerate(source.flatten(2).mT):
        for i in range(15):
            row = softmax([float(tokens[i] @ tokens[j]) for j in range(15)])
            assert float(found[b, i]) == pytest.approx(-sum(a * math.log(a) for a in row))


@pytest.mark.equation("eq-query-choice")
@pytest.mark.parametrize("name", ["global", "local"])
def test_the_chosen_are_the_lowest_in_order(name: str) -> None:
    source, _ = maps(2, 6, 5, 7)
    rule = replace(RULES[name], count=9, window=3)
    entropy, ids = rule.entropy(source), rule.choose(source)
    for b in range(2):
        values, chosen = entropy[b].tolist(), ids[b].tolist()
        assert chosen == sorted(range(35), key=lambda i, values=values: (values[i], i))[:9]
        assert max(values[i] for i in chosen) <= min(v for i, v in enumerate(values) if i not in chosen)


@pytest.mark.equation("eq-query-routing")
def test_both_pictures_are_read_through_the_source_s_rows() -> None:
    source, translation = maps(1, 6, 3, 5)
    x, y, ids = source.flatten(2).mT[0], translation.flatten(2).mT[0], torch.tensor([[7, 2, 11]])
    pairs = RULES["global"].read(source, translation, ids)
    for m, i in enumerate(ids[0].tolist()):
        row = softmax([float(x[i] @ x[j]) for j in range(15)])
        for found, tokens in ((pairs.source, x), (pairs.translation, y)):
            expected = sum(a * tokens[j] for j, a in enumerate(row))
            torch.testing.assert_close(found[0, m], expected)


@pytest.mark.equation("eq-window-attention")
def test_windows_place_by_place() -> None:
    source, _ = maps(1, 6, 4, 5)
    ids = torch.tensor([[0, 7, 19]])
    found = window_record(source, ids, 3).weights()[0, :, 0]
    for m, i in enumerate(ids[0].tolist()):
        row, column = divmod(i, 5)
        logits = []
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                there = 0 <= row + down < 4 and 0 <= column + right < 5
                other = source[0, :, row + down, column + right] if there else torch.zeros(6, dtype=torch.float64)
                logits.append(float(source[0, :, row, column] @ other))
        assert found[m].tolist() == pytest.approx(softmax(logits))
