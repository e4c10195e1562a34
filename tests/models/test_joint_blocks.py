"""Joined attention observed: diffusers' own outputs, the model's own map, and the half that reads a garment."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers.models.attention import JointTransformerBlock
from diffusers.models.transformers.transformer_flux import (
    FluxPosEmbed,
    FluxSingleTransformerBlock,
    FluxTransformerBlock,
)
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap, Grid, expected_coordinates
from vtonlib.grids import coordinate_grid
from vtonlib.losses.flow import leffa, leffa_flow, reference_share
from vtonlib.models.joint_blocks import RecordingFluxAttention, RecordingJointAttention, side_by_side
from vtonlib.models.side_by_side import SideBySide, patches

PICTURE, TEXT = Grid(3, 4), Grid(5, 1)
SAMPLES, HEADS, WIDTH = 2, 2, 16


def tokens(count: int, seed: int = 0) -> Tensor:
    return torch.randn(SAMPLES, count, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def record() -> AttentionRecord:
    g = torch.Generator().manual_seed(3)
    n = PICTURE.tokens + TEXT.tokens
    query, key = torch.randn(2, SAMPLES, HEADS, n, 8, generator=g)
    return AttentionRecord(query, key, 8**-0.5, Grid(n, 1), (PICTURE, TEXT))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("norm", [None, "rms_norm"])
def test_a_recorded_block_of_sd3_computes_what_diffusers_computes(last: bool, norm: str | None) -> None:
    torch.manual_seed(0)
    block = JointTransformerBlock(WIDTH, HEADS, WIDTH // HEADS, context_pre_only=last, qk_norm=norm)
    given = tokens(PICTURE.tokens), tokens(TEXT.tokens, 1), tokens(1, 2)[:, 0]
    expected = block(*given)
    block.attn.set_processor(RecordingJointAttention())
    with AttentionTap(block, "attn.processor.core") as tap:
        found = block(*given, joint_attention_kwargs={"grids": (PICTURE, TEXT)})
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            torch.testing.assert_close(ours, theirs)
    (record,) = tap.values()
    assert record.key_grids == (PICTURE, TEXT) and record.query.shape[2] == PICTURE.tokens + TEXT.tokens


@pytest.mark.parametrize("kind", [FluxTransformerBlock, FluxSingleTransformerBlock])
def test_a_recorded_block_of_flux_computes_what_diffusers_computes(kind: type) -> None:
    torch.manual_seed(0)
    block = kind(WIDTH, HEADS, WIDTH // HEADS)
    places = torch.zeros(TEXT.tokens + PICTURE.tokens, 3)
    places[TEXT.tokens :, 1:] = torch.cartesian_prod(torch.arange(3.0), torch.arange(4.0))
    rotary = FluxPosEmbed(theta=10000, axes_dim=[2, 2, 4])(places)
    given = {"hidden_states": tokens(PICTURE.tokens), "encoder_hidden_states": tokens(TEXT.tokens, 1)}
    given |= {"temb": tokens(1, 2)[:, 0], "image_rotary_emb": rotary}
    expected = block(**given)
    block.attn.set_processor(RecordingFluxAttention())
    with AttentionTap(block) as tap:
        found = block(**given, joint_attention_kwargs={"grids": (TEXT, PICTURE)})
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    (record,) = tap.values()
    value = torch.eye(TEXT.tokens + PICTURE.tokens)[None, None]
    torch.testing.assert_close(record.read(value), record.weights())  # the map that the model has used


@pytest.mark.equation("eq-joint-row")
@pytest.mark.parametrize(("garment", "person_first"), [("left", False), ("right", True)])
def test_the_persons_rows_are_the_models_rows_in_another_order(
    record: AttentionRecord, garment: str, person_first: bool
) -> None:
    whole, half = record.weights(), Grid(3, 2)
    seen = side_by_side(record, 0, garment=garment)  # type: ignore[arg-type]
    assert seen.query_grid == half and seen.key_grids == (TEXT, half, half)
    asks = [r * 4 + c + (0 if person_first else 2) for r in range(3) for c in range(2)]
    shows = [r * 4 + c + (2 if person_first else 0) for r in range(3) for c in range(2)]
    texts = list(range(PICTURE.tokens, PICTURE.tokens + TEXT.tokens))
    for i, query in enumerate(asks):
        for j, key in enumerate((*texts, *asks, *shows)):
            torch.testing.assert_close(seen.weights()[:, :, i, j], whole[:, :, query, key])
    share = reference_share(seen, temperature=1.0).flatten(2)
    torch.testing.assert_close(share, whole[:, :, asks][..., shows].sum(-1))
    part = whole[:, :, asks][..., shows] / share[..., None]
    places = part.mean(1) @ coordinate_grid(3, 2).flatten(0, 1)
    torch.testing.assert_close(leffa_flow(seen, temperature=1.0).flatten(1, 2), places)
    torch.testing.assert_close(expected_coordinates(seen.per_key_grid()[-1]).flatten(1, 2), places)


def test_leffas_loss_reaches_the_joined_queries_and_keys(record: AttentionRecord) -> None:
    query = record.query.clone().requires_grad_()

    seen = side_by_side(replace(record, query=query), 0)
    pictures = torch.rand(2, SAMPLES, 3, 12, 8, generator=torch.Generator().manual_seed(5))
    leffa(seen, *pictures, torch.ones(SAMPLES, 1, 12, 8)).backward()
    assert query.grad is not None
    asked = query.grad.abs().sum((0, 1, 3)) > 0
    right = torch.arange(12).view(3, 4)[:, 2:].flatten()
    assert asked[right].all() and not asked[12:].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picture": 2}, "picture is 2: expected one of the record's 2 lattices"),
        ({"picture": 1}, "1 columns of tokens: expected two halves"),
    ],
)
def test_what_is_no_picture_of_two_halves_is_refused(
    record: AttentionRecord, change: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        side_by_side(record, **change)


def test_where_not_all_tokens_ask_there_is_nothing_to_reorder(record: AttentionRecord) -> None:
    with pytest.raises(ValueError, match="3 tokens ask and 17 are keys"):
        side_by_side(record.select(torch.zeros(SAMPLES, 3, dtype=torch.long)), 0)


def test_the_small_model_reads_its_garment_and_its_blind_twin_does_not() -> None:
    g = torch.Generator().manual_seed(0)
    garment, other, person = torch.rand(2, 4, 16, 8, generator=g), torch.rand(2, 4, 16, 8, generator=g), None
    person = torch.rand(2, 7, 16, 8, generator=g)
    for see, same in (("garment", False), ("place", True)):
        torch.manual_seed(0)
        model = SideBySide(channels=16, heads=2, keys_see=see)  # type: ignore[arg-type]
        first, second = (model.attend(shown, person) for shown in (garment, other))
        assert [record.key_grids[-1] for record in first] == [Grid(4, 2)] * 2
        assert torch.equal(first[-1].key, second[-1].key) == same
    assert patches(garment).shape == (2, 8, 64)
