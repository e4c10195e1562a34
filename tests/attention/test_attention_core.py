import jaxtyping
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from vtonlib.attention import AttentionCore, Grid

QUERIES, KEYS = Grid(3, 5), Grid(4, 2)


def sample(width, value_width, *, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, QUERIES.tokens, width), (2, 3, KEYS.tokens, width), (2, 3, KEYS.tokens, value_width))
    return [torch.randn(*shape, dtype=dtype, generator=generator, requires_grad=True) for shape in shapes]


def call(query, key, value, **options):
    return AttentionCore()(query, key, value, query_grid=QUERIES, key_grids=(KEYS,), **options)


def explicit(query, key, value, scale):
    return (query @ key.mT * scale).softmax(-1) @ value


@pytest.mark.parametrize("width, value_width", [(8, 8), (8, 2), (6, 3), (4, 19), (5, 5)])
@pytest.mark.parametrize("scale", [None, 1.0, 0.07])
def test_equals_the_explicit_product_with_gradients(width, value_width, scale):
    tensors = sample(width, value_width)
    expected = explicit(*tensors, width**-0.5 if scale is None else scale)
    output = call(*tensors, scale=scale)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-13)
    weight = torch.randn_like(expected)
    for found, wanted in zip(
        torch.autograd.grad(output, tensors, weight), torch.autograd.grad(expected, tensors, weight), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("width, value_width", [(16, 2), (16, 24), (40, 40)])
def test_runs_with_the_fused_kernel_alone(width, value_width):
    query, key, value = sample(width, value_width, dtype=torch.float32)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # refuses unequal widths
        call(query, key, value).sum().backward()
        call(query, key, value[:1, :1].detach()).sum().backward()


def test_a_value_is_shared_by_samples_and_heads():
    query, key, value = sample(8, 2)
    shared = value[:1, :1]
    torch.testing.assert_close(call(query, key, shared), explicit(query, key, shared, 8**-0.5))


def test_has_no_parameters_or_buffers():
    assert not AttentionCore().state_dict()


def test_several_lattices_of_keys():
    query, key, value = sample(8, 8)
    split = AttentionCore()(query, key, value, query_grid=QUERIES, key_grids=(Grid(2, 3), Grid(1, 2)))
    assert torch.equal(split, call(query, key, value))


@pytest.mark.parametrize(
    "grids, message",
    [
        ({"query_grid": Grid(3, 4), "key_grids": (KEYS,)}, "query has 15 tokens, but query_grid .* has 12"),
        ({"query_grid": QUERIES, "key_grids": (KEYS, KEYS)}, "key has 8 tokens, but key_grids .* have 16"),
        ({"query_grid": QUERIES, "key_grids": KEYS}, "expected a tuple of grids"),
    ],
)
def test_grids_must_fit(grids, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the library's own message, as a reader sees it
    with pytest.raises(ValueError, match=message):
        AttentionCore()(*sample(8, 8), **grids)


@pytest.mark.parametrize("tokens", [0, 4, 7, 9, 16])
def test_the_value_has_a_token_for_each_key(tokens, unchecked):
    query, key, _ = sample(8, 8)
    with pytest.raises(ValueError, match=f"value has {tokens} tokens, but key has 8"):
        call(query, key, torch.ones(2, 3, tokens, 8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, v: (q, k, v[0]), "value is .* expected \\[b heads nk e\\]"),
        (lambda q, k, v: (q, k, torch.cat((v, v))), "value is .* expected b and heads of"),
        (lambda q, k, v: (q[:, :2], k, v), "expected the same b, heads and d"),
        (lambda q, k, v: (q[..., :4], k, v), "expected the same b, heads and d"),
        (lambda q, k, v: (q[:, :0], k[:, :0], v[:, :0]), "expected at least one head, token and channel"),
    ],
)
def test_batch_heads_and_widths_must_fit(change, message, unchecked):
    with pytest.raises(ValueError, match=message):
        call(*change(*sample(8, 8)))


def test_tensors_of_several_precisions_are_brought_to_the_finest():
    query, key, value = (x.detach() for x in sample(8, 8, dtype=torch.float32))
    mixed = call(query.bfloat16(), key, value)
    torch.testing.assert_close(mixed, call(query.bfloat16().float(), key, value))
    with torch.autocast("cpu", torch.bfloat16):
        assert call(query.bfloat16(), key, value).isfinite().all()
