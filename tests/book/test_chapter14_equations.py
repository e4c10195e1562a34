"""The equations of the chapter on Leffa, written again from their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor

from vtonlib.attention import AttentionCore, AttentionRecord, Grid
from vtonlib.diffusion import rescale_guidance
from vtonlib.grids import coordinate_grid, warp
from vtonlib.losses.flow import flow_pull, joined_flow, leffa, leffa_flow, leffa_warp, reference_share
from vtonlib.models.joined import joined_attention

OWN, REFERENCE = Grid(3, 4), Grid(4, 5)


def joined_record(seed: int = 0) -> AttentionRecord:
    g = torch.Generator().manual_seed(seed)
    query = torch.randn(2, 3, OWN.tokens, 6, generator=g, dtype=torch.float64)
    key = torch.randn(2, 3, OWN.tokens + REFERENCE.tokens, 6, generator=g, dtype=torch.float64)
    return AttentionRecord(query, key, 6**-0.5, OWN, (OWN, REFERENCE))


def pictures(height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    reference, target = torch.rand(2, 2, 3, height, width, generator=g, dtype=torch.float64) * 2 - 1
    return reference, target, (torch.rand(2, 1, height, width, generator=g) < 0.6).double()


def softmax_row(record: AttentionRecord, b: int, head: int, i: int, keys: range, temperature: float) -> list[float]:
    query = record.query[b, head, i]
    logits = [float(query @ record.key[b, head, j]) / (temperature * math.sqrt(len(query))) for j in keys]
    weights = [math.exp(x) for x in logits]
    return [w / sum(weights) for w in weights]


@pytest.mark.equation("eq-leffa-flow")
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_flow_by_loops(temperature: float) -> None:
    record, places = joined_record(), coordinate_grid(*REFERENCE, dtype=torch.float64).flatten(0, 1)
    keys = range(OWN.tokens, OWN.tokens + REFERENCE.tokens)
    found = leffa_flow(record, temperature=temperature).flatten(1, 2)
    for b, i in ((0, 0), (1, 7)):
        rows = [softmax_row(record, b, head, i, keys, temperature) for head in range(3)]
        mean = [sum(column) / 3 for column in zip(*rows, strict=True)]
        wanted = sum(w * place for w, place in zip(mean, places, strict=True))
        torch.testing.assert_close(found[b, i], wanted)


@pytest.mark.equation("eq-leffa-warp")
def test_a_warp_reads_the_reference_between_the_pixels_that_the_flow_names() -> None:
    """The place of a pixel is interpolated between four tokens, its colour between four pixels."""
    record, reference = joined_record(), pictures(7, 10)[0]
    tokens, warped = leffa_flow(record), leffa_warp(record, reference)

    def between(field: Tensor, row: float, column: float) -> Tensor:  # field [h w e]
        r, c = min(int(row), field.shape[0] - 2), min(int(column), field.shape[1] - 2)
        v, u = row - r, column - c
        above = (1 - u) * field[r, c] + u * field[r, c + 1]
        below = (1 - u) * field[r + 1, c] + u * field[r + 1, c + 1]
        return (1 - v) * above + v * below

    for b, row, column in ((0, 0, 0), (0, 3, 5), (1, 6, 9), (1, 2, 8)):
        x, y = between(tokens[b], row / 6 * (OWN.height - 1), column / 9 * (OWN.width - 1)).tolist()
        colour = between(reference[b].movedim(0, -1), (y + 1) / 2 * 6, (x + 1) / 2 * 9)
        torch.testing.assert_close(warped[b, :, row, column], colour)


@pytest.mark.equation("eq-leffa-loss")
def test_loss_by_loops() -> None:
    record, (reference, target, mask) = joined_record(), pictures(5, 6)
    warped = leffa_warp(record, reference)
    total = count = 0.0
    for b in range(2):
        for row in range(5):
            for column in range(6):
                apart = (warped - target)[b, :, row, column]
                total += float(mask[b, 0, row, column] * (apart @ apart))
                count += 3 * float(mask[b, 0, row, column])
    assert float(leffa(record, reference, target, mask)) == pytest.approx(total / count)


@pytest.mark.equation("eq-reference-share")
@pytest.mark.equation("eq-joined-flow")
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_joined_flow_is_each_heads_flow_times_its_share(temperature: float) -> None:
    record = joined_record()
    share = reference_share(record, temperature=temperature)
    row = softmax_row(record, 1, 2, 5, range(OWN.tokens + REFERENCE.tokens), temperature)
    assert float(share.flatten(2)[1, 2, 5]) == pytest.approx(sum(row[OWN.tokens :]))
    reference = record.per_key_grid()[-1]
    places = coordinate_grid(*REFERENCE, dtype=torch.float64).flatten(0, 1)
    heads = reference.read(places[None, None], temperature=temperature).unflatten(2, OWN)
    found = joined_flow(record, temperature=temperature)
    torch.testing.assert_close(found, (share[..., None] * heads).mean(1))
    assert (found.abs().amax(-1) <= share.mean(1) + 1e-12).all()  # the cap: no place beyond the share
    even = AttentionRecord(0 * record.query, record.key, record.scale, OWN, (OWN, REFERENCE))
    alike = REFERENCE.tokens / (OWN.tokens + REFERENCE.tokens)
    torch.testing.assert_close(reference_share(even), torch.full((2, 3, *OWN), alike, dtype=torch.float64))


def test_a_share_needs_two_lattices() -> None:
    record = joined_record()
    alone = record.per_key_grid()[-1]
    with pytest.raises(ValueError, match="has one lattice of keys"):
        reference_share(alone)


@pytest.mark.equation("eq-flow-pull")
def test_a_pull_is_an_error_of_colour_times_a_slope_between_four_pixels() -> None:
    reference, target, mask = pictures(5, 6)
    g = torch.Generator().manual_seed(2)
    cells = torch.stack((torch.randint(5, (2, 5, 6), generator=g), torch.randint(4, (2, 5, 6), generator=g)), -1)
    within = 0.1 + 0.8 * torch.rand(2, 5, 6, 2, generator=g, dtype=torch.float64)
    half = torch.tensor([5 / 2, 4 / 2], dtype=torch.float64)  # pixels for each unit of x and of y
    flow = (cells + within) / half - 1
    found, errors = flow_pull(flow, reference, target, mask), warp(reference, flow) - target
    for b, row, column in ((0, 0, 0), (0, 4, 3), (1, 2, 5), (1, 3, 1)):
        (c, r), (u, v) = cells[b, row, column].tolist(), within[b, row, column].tolist()
        image = reference[b]
        to_right = (1 - v) * (image[:, r, c + 1] - image[:, r, c]) + v * (image[:, r + 1, c + 1] - image[:, r + 1, c])
        down = (1 - u) * (image[:, r + 1, c] - image[:, r, c]) + u * (image[:, r + 1, c + 1] - image[:, r, c + 1])
        slope = torch.stack((to_right, down)) * half[:, None]
        factor = -2 * mask[b, 0, row, column] / (3 * mask.sum())
        torch.testing.assert_close(found[b, row, column], factor * slope @ errors[b, :, row, column])


def test_a_plain_reference_pulls_nowhere_and_one_place_in_one_line() -> None:
    """What the chapter says of plain garments, and of even attention."""
    reference, target, mask = pictures(5, 6)
    flow = 0.9 * coordinate_grid(5, 6, dtype=torch.float64).expand(2, -1, -1, -1)
    plain = torch.full_like(reference, 0.3)
    assert float(flow_pull(flow, plain, target, mask).abs().max()) == 0.0
    grey = reference[:, :1].expand(-1, 3, -1, -1)  # one channel: all slopes at one place lie on one line
    pulls = flow_pull(torch.full_like(flow, 0.21), grey, target, mask)[0].flatten(0, 1)
    assert int(torch.linalg.matrix_rank(pulls, rtol=1e-9)) == 1


@pytest.mark.equation("eq-rescaled-guidance")
@pytest.mark.parametrize("share", [0.0, 0.7, 2.5])
def test_rescaled_guidance_picture_by_picture(share: float) -> None:
    g = torch.Generator().manual_seed(3)
    made, conditional = torch.randn(2, 3, 4, 5, 6, generator=g, dtype=torch.float64)
    made = 2 * made
    found = rescale_guidance(made, conditional, share)
    for b in range(3):
        spreads = []
        for values in (conditional[b].flatten().tolist(), made[b].flatten().tolist()):
            mean = sum(values) / len(values)
            spreads.append(math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)))
        torch.testing.assert_close(found[b], (share * spreads[0] / spreads[1] + 1 - share) * made[b])


@pytest.mark.equation("eq-joined-attention")
@torch.no_grad()
def test_joined_attention_by_loops() -> None:
    """Each own token's softmax over both pictures' keys; no token of the other picture asks."""
    torch.manual_seed(0)
    attn = Attention(query_dim=6, heads=2, dim_head=4).double()
    attn.core = AttentionCore()
    own, other = torch.randn(2, 12, 6).double(), torch.randn(2, 20, 6).double()
    found, carried = joined_attention(attn, own, (own, other), (own, other), (OWN, REFERENCE))
    assert carried is None and found.shape == own.shape
    for b, i in ((0, 0), (1, 7)):
        both = torch.cat((own[b], other[b]))
        heads = []
        for rows in (slice(0, 4), slice(4, 8)):
            q = attn.to_q.weight[rows] @ own[b, i]
            weights = [math.exp(float(q @ (attn.to_k.weight[rows] @ token)) / 2) for token in both]  # root of 4
            values = [attn.to_v.weight[rows] @ token for token in both]
            heads.append(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
        torch.testing.assert_close(found[b, i], attn.to_out[0](torch.cat(heads)))
