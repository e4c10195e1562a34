import gc
import weakref

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from vtonlib.attention import AttentionCore, AttentionTap, Grid, expected_coordinates


class Layer(nn.Module):
    """Self-attention of a feature map with a residual."""

    def __init__(self, channels=4):
        super().__init__()
        self.to_q, self.to_k, self.to_out = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.core = AttentionCore()

    def forward(self, x):
        grid = Grid(*x.shape[-2:])
        q, k, v = (y.flatten(2).mT[:, None] for y in (self.to_q(x), self.to_k(x), x))
        return x + self.to_out(self.core(q, k, v, query_grid=grid, key_grids=(grid,)).mT.reshape(x.shape)).tanh()


class Model(nn.Module):
    def __init__(self, reentrant=None):
        super().__init__()
        torch.manual_seed(0)
        self.down, self.up = nn.ModuleList([Layer(), Layer()]), nn.ModuleList([Layer()])
        self.reentrant = reentrant

    def forward(self, x):
        for layer in (*self.down, *self.up):
            x = layer(x) if self.reentrant is None else checkpoint(layer, x, use_reentrant=self.reentrant)
        return x


def picture(**options):
    return torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(3), **options)


def test_records_every_core_by_its_path_in_call_order():
    model = Model()
    with AttentionTap(model) as tap:
        tapped = model(picture())
    assert list(tap) == ["down.0.core", "down.1.core", "up.0.core"] and len(tap) == 3
    record = tap["up.0.core"]
    assert (record.name, record.query_grid, record.key_grids) == ("up.0.core", Grid(3, 5), (Grid(3, 5),))
    assert record.scale == 0.5 and record.query.shape == (2, 1, 15, 4)
    assert torch.equal(tapped, model(picture())), "observing changes nothing"


@pytest.mark.parametrize(
    "pattern, names",
    [
        ("*", ["down.0.core", "down.1.core", "up.0.core"]),
        ("down.*", ["down.0.core", "down.1.core"]),
        ("*.0.core", ["down.0.core", "up.0.core"]),
        ("up.0.core", ["up.0.core"]),
        ("down.[!0].core", ["down.1.core"]),
    ],
)
def test_patterns(pattern, names):
    model = Model()
    with AttentionTap(model, pattern) as tap:
        model(picture())
    assert list(tap) == names


@pytest.mark.parametrize("pattern", ["core", "Down.*", "up.0.Core"])
def test_no_match_lists_the_cores(pattern):
    with pytest.raises(ValueError, match=r"down\.0\.core, down\.1\.core, up\.0\.core"):
        AttentionTap(Model(), pattern)
    with pytest.raises(ValueError, match="its cores: none"):
        AttentionTap(nn.Linear(2, 2))


def test_a_bare_core_and_its_own_scale():
    core, x = AttentionCore(), torch.randn(1, 2, 6, 4)
    with AttentionTap(core) as tap:
        core(x, key=x, value=x, query_grid=Grid(2, 3), key_grids=(Grid(2, 3),), scale=0.3)
    assert list(tap) == [""] and tap[""].scale == 0.3


def test_gradients_flow_through_the_records():
    model = Model()
    with AttentionTap(model, "up.*") as tap:
        model(picture())
    expected_coordinates(tap["up.0.core"]).square().sum().backward()
    for module in (model.up[0].to_q, model.up[0].to_k, model.down[0].to_q):
        assert module.weight.grad.abs().sum() > 0


def test_checkpointing_gives_the_same_gradients():
    gradients = []
    for model in (Model(), Model(reentrant=False)):
        with AttentionTap(model) as tap:
            output = model(picture(requires_grad=True))
        for record in tap.values():
            record.check_differentiable()
        (output.square().sum() + sum(r.entropy().sum() for r in tap.values())).backward()
        assert len(tap) == 3, "the recomputation records nothing"
        gradients.append([p.grad for p in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_reentrant_checkpointing_is_detected():
    model = Model(reentrant=True)
    with AttentionTap(model) as tap:
        model(picture(requires_grad=True))
    with pytest.raises(RuntimeError, match="use_reentrant=False"):
        tap["down.0.core"].check_differentiable()


def test_a_second_call_is_refused_until_clear():
    model = Model()
    with AttentionTap(model) as tap:
        model(picture())
        with pytest.raises(RuntimeError, match=r"'down\.0\.core' was called twice.*tap\.clear"):
            model(picture())
        tap.clear()
        assert not tap
        model(2 * picture())
        assert len(tap) == 3


def test_backward_of_a_checkpointed_model_belongs_after_the_block():
    model = Model(reentrant=False)
    with AttentionTap(model) as tap:
        output = model(picture())
        with pytest.raises(RuntimeError, match=r"backward\(\) after the with block"):
            output.sum().backward()
    assert len(tap) == 3


def test_hooks_leave_with_the_block_even_after_an_error():
    model = Model()
    with pytest.raises(ZeroDivisionError), AttentionTap(model):
        raise ZeroDivisionError
    assert not any(layer.core._forward_hooks for layer in (*model.down, *model.up))


def test_entering_again_starts_afresh_and_taps_may_nest():
    model = Model()
    tap = AttentionTap(model, "up.*")
    for _ in range(2):
        with tap, AttentionTap(model, "down.*") as inner:
            model(picture())
        assert len(tap) == 1 and len(inner) == 2


def test_a_missing_record_is_named():
    with AttentionTap(Model()) as tap:
        pass
    with pytest.raises(KeyError, match=r"no record of attention 'down\.0\.core'; recorded: none"):
        tap["down.0.core"]
    assert "down.0.core" not in tap and tap.get("down.0.core") is None


def test_the_graph_is_freed_with_the_tap():
    model = Model()
    with AttentionTap(model) as tap:
        model(picture())
    query = weakref.ref(tap["up.0.core"].query)
    del tap
    gc.collect()
    assert query() is None
