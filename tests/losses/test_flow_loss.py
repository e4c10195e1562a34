"""Leffa's loss: equal to its definition on the whole map, what it cannot feel, and what a joined softmax does to it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.grids import coordinate_grid, masked_mean, warp
from vtonlib.losses.flow import joined_flow, leffa, leffa_flow, leffa_warp

OWN, REFERENCE = Grid(3, 4), Grid(4, 5)


def joined_record(*, scale: float = 0.7, seed: int = 0) -> AttentionRecord:
    g = torch.Generator().manual_seed(seed)
    query = torch.randn(2, 2, OWN.tokens, 6, generator=g, dtype=torch.float64, requires_grad=True)
    key = torch.randn(2, 2, OWN.tokens + REFERENCE.tokens, 6, generator=g, dtype=torch.float64, requires_grad=True)
    return AttentionRecord(query, key, scale, OWN, (OWN, REFERENCE), "a")


def pictures(size: tuple[int, int] = (9, 12)) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    reference, target = torch.rand(2, 2, 3, *size, generator=g, dtype=torch.float64) * 2 - 1
    return reference, target, (torch.rand(2, 1, *size, generator=g) < 0.6).double()


def slow_flow(record: AttentionRecord, temperature: float) -> Tensor:
    logits = record.scale / temperature * record.query @ record.key[:, :, OWN.tokens :].mT
    places = coordinate_grid(*REFERENCE, dtype=torch.float64).flatten(0, 1)
    return (logits.softmax(-1).mean(1) @ places).unflatten(1, OWN)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_equal_to_the_definition_with_its_gradients(temperature) -> None:
    record, (reference, target, mask) = joined_record(), pictures()
    ours = leffa(record, reference, target, mask, temperature=temperature)
    flow = torch.nn.functional.interpolate(
        slow_flow(record, temperature).movedim(-1, 1), reference.shape[-2:], mode="bilinear", align_corners=True
    ).movedim(1, -1)
    slow = ((warp(reference, flow) - target).square().mean(1, keepdim=True) * mask).sum() / mask.sum()
    torch.testing.assert_close(ours, slow)
    for made, wanted in zip(*(torch.autograd.grad(x, (record.query, record.key)) for x in (ours, slow)), strict=True):
        torch.testing.assert_close(made, wanted)


def test_gradcheck() -> None:
    record, (reference, target, mask) = joined_record(), pictures((5, 6))

    def loss(query: Tensor, key: Tensor) -> Tensor:
        return leffa(AttentionRecord(query, key, 0.7, OWN, (OWN, REFERENCE)), reference, target, mask)

    assert torch.autograd.gradcheck(loss, (record.query, record.key), eps=1e-7, atol=1e-4)


def test_attention_of_each_token_to_itself_gives_the_reference_back() -> None:
    tokens = 300 * torch.eye(12, dtype=torch.float64)[None, None]
    record = AttentionRecord(tokens, tokens, 1.0, OWN, (OWN,))
    reference = pictures()[0][:1]
    torch.testing.assert_close(leffa_warp(record, reference), reference)


def test_own_keys_count_nothing_in_the_flow_and_draw_the_joined_one_to_the_centre() -> None:
    record = joined_record()
    alone = AttentionRecord(record.query, record.key[:, :, OWN.tokens :], record.scale, OWN, (REFERENCE,))
    torch.testing.assert_close(leffa_flow(record), leffa_flow(alone))
    uniform = AttentionRecord(0 * record.query, record.key, record.scale, OWN, (OWN, REFERENCE))
    assert leffa_flow(uniform).abs().max() < 1e-12  # the mean of all places is the centre
    key = record.key.detach().clone()
    key[:, :, OWN.tokens :] = 0
    key[:, :, : OWN.tokens] = 0
    key[:, :, -1] = 400.0  # the corner, which a query of ones prefers to all others
    corner = AttentionRecord(torch.ones_like(record.query), key, record.scale, OWN, (OWN, REFERENCE))
    torch.testing.assert_close(leffa_flow(corner), torch.ones(2, *OWN, 2, dtype=torch.float64))
    key[:, :, 0] = 400.0  # a key of its own picture that is weighed as much
    half = joined_flow(AttentionRecord(torch.ones_like(record.query), key, record.scale, OWN, (OWN, REFERENCE)))
    torch.testing.assert_close(half, torch.full((2, *OWN, 2), 0.5, dtype=torch.float64))


def test_uniform_attention_feels_only_what_lies_at_the_centre() -> None:
    """Why the loss does not train from scratch: the warp of a flow that points at one place is one colour."""
    record, (reference, target, mask) = joined_record(), pictures((9, 13))
    flat = AttentionRecord(
        (0 * record.query).detach().requires_grad_(), record.key.detach(), record.scale, OWN, (OWN, REFERENCE)
    )
    torch.testing.assert_close(leffa_warp(flat, reference), reference[:, :, 4:5, 6:7].expand_as(reference))
    other = reference.clone()
    other[:, :, :3], other[:, :, 6:] = 0, 0
    both = [torch.autograd.grad(leffa(flat, image, target, mask), flat.query)[0] for image in (reference, other)]
    torch.testing.assert_close(*both)


def test_an_empty_mask_gives_0_with_gradient_0() -> None:
    record, (reference, target, mask) = joined_record(), pictures()
    loss = leffa(record, reference, target, 0 * mask.float())
    gradient = torch.autograd.grad(loss, record.query)[0]
    assert loss == 0 and torch.equal(gradient, torch.zeros_like(gradient))


def test_only_queries_and_samples_that_count_are_computed(monkeypatch) -> None:
    """The loss and its gradients are those of all: a pixel is read from four tokens, and a sample may have none."""
    record, (reference, target, mask) = joined_record(), pictures()
    mask[0], mask[1, :, :, 5:], seen = 0, 0, []
    read = AttentionRecord.read
    monkeypatch.setattr(AttentionRecord, "read", lambda r, *a, **k: seen.append(r.query.shape) or read(r, *a, **k))
    loss = leffa(record, reference, target, mask)
    whole = masked_mean((leffa_warp(record, reference) - target).square(), mask)
    assert seen == [(1, 2, 3 * OWN.height, 6), (2, 2, OWN.tokens, 6)]  # two of four columns and the next; all
    torch.testing.assert_close(loss, whole)
    for made, wanted in zip(*(torch.autograd.grad(x, (record.query, record.key)) for x in (loss, whole)), strict=True):
        torch.testing.assert_close(made, wanted)


def test_no_map_is_made(monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a map was made")

    monkeypatch.setattr(AttentionRecord, "weights", refuse)
    record, (reference, target, mask) = joined_record(), pictures()
    leffa(record, reference, target, mask).backward()
    assert record.query.grad is not None and record.query.grad.abs().max() > 0


def test_pictures_that_do_not_fit_are_refused() -> None:
    record, (reference, target, mask) = joined_record(), pictures()
    for wrong in ((reference, target[..., :-1], mask), (reference, target, mask[..., :-1])):
        with pytest.raises(ValueError, match="expected two pictures of one shape and a mask"):
            leffa(record, *wrong)
    one = AttentionRecord(record.query, record.key[:, :, OWN.tokens :], 1.0, OWN, (REFERENCE,))
    with pytest.raises(ValueError, match="has one lattice of keys"):
        joined_flow(one)
