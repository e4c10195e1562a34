"""What Leffa's loss costs: nothing at inference, and in training no map."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.tasks.leffa import ATTENTIONS, LeffaConfig, LeffaTask
from vtonlib.tasks.supervision import Following

PLAIN = LeffaConfig(block_out_channels=(16, 32), num_attention_heads=2, drop_reference=0.0)
FOLLOWED = dataclasses.replace(PLAIN, following=Following(leffa=1.0, layers=ATTENTIONS))
TOKENS = 32 * 24
"""Of the finest level: the shipped autoencoder halves 64x48."""


@pytest.fixture(scope="module")
def batch() -> TryOnBatch:
    return World(DataConfig(height=64, width=48)).paired("train", torch.arange(2))


def new(config: LeffaConfig) -> LeffaTask:
    torch.manual_seed(0)
    return LeffaTask(config)


class Largest(TorchDispatchMode):
    """The most numbers that any operation of the block makes, those of the backward pass among them."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(made) if isinstance(leaf, Tensor)]
        self.numbers = max([self.numbers, *sizes])
        return made


def test_no_map_is_made_in_training(batch: TryOnBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the attentions nor by the loss on them, forward or backward; whoever asks for one is found."""
    task = new(FOLLOWED)
    with Largest() as largest, AttentionTap(task, ATTENTIONS) as tap:
        terms = task.denoiser_loss(batch)
        sum(terms.values()).backward()
    assert terms["leffa"] > 0 and max(record.query.shape[2] for record in tap.values()) == TOKENS
    assert 0 < largest.numbers < TOKENS * TOKENS
    with Largest() as largest, torch.no_grad():
        next(iter(tap.values())).per_key_grid()[-1].weights()
    assert largest.numbers >= TOKENS * TOKENS

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a map was made")

    monkeypatch.setattr(AttentionRecord, "weights", refuse)
    sum(task.denoiser_loss(batch).values()).backward()


def test_the_loss_adds_no_parameters_and_costs_nothing_at_inference(batch: TryOnBatch) -> None:
    """Equal weights, equal pictures, bit by bit, and as many operations."""
    results = []
    for config in (PLAIN, FOLLOWED):
        task = new(config).eval()
        pipeline = task.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        with FlopCounterMode(display=False) as counter:
            made = pipeline(**batch.inputs, num_inference_steps=2, generator=torch.Generator().manual_seed(0)).images
        results.append((task.state_dict(), made, counter.get_total_flops()))
    (plain, picture, cost), (followed, same, no_more) = results
    assert plain.keys() == followed.keys() and all(torch.equal(plain[key], followed[key]) for key in plain)
    assert torch.equal(picture, same) and cost == no_more > 0
