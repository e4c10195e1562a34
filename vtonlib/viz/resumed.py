"""A training stopped and resumed, with all of its state and without a part of it: the picture of what that does."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask

STOP, STEPS, SIZE, RATE = 60, 40, 16, 4e-3


def resumed_losses(model: MatcherConfig, pool: TryOnBatch) -> dict[str, Float[Tensor, " n"]]:
    """The losses of a matcher from step 60 on: never stopped, resumed with AdamW's moments, and without."""
    torch.manual_seed(0)
    task = MatcherTask(model)
    adamw = torch.optim.AdamW(task.parameters(), lr=RATE)
    _some_steps(task, adamw, pool, 0, STOP)
    weights, moments = copy.deepcopy((task.state_dict(), adamw.state_dict()))
    found = {"never stopped": _some_steps(task, adamw, pool, STOP, STEPS)}
    for name in ("weights and moments", "weights alone"):
        task.load_state_dict(weights)
        adamw = torch.optim.AdamW(task.parameters(), lr=RATE)
        if name == "weights and moments":
            adamw.load_state_dict(copy.deepcopy(moments))
        found[name] = _some_steps(task, adamw, pool, STOP, STEPS)
    return found


def _some_steps(
    task: MatcherTask, adamw: torch.optim.AdamW, pool: TryOnBatch, first: int, count: int
) -> Float[Tensor, " n"]:
    losses = []
    for k in range(first, first + count):
        adamw.zero_grad()
        loss = task.matcher_loss(pool[SIZE * (k % (len(pool) // SIZE)) :][:SIZE])["copy"]
        loss.backward()
        adamw.step()
        losses.append(loss.item())
    return torch.tensor(losses)


def resumed_figure(losses: Mapping[str, Float[Tensor, " n"]]) -> Figure:
    """How far the losses of resumed runs are from those of the first one, which was never stopped, in thousandths."""
    whole, *others = losses
    figure, axis = plt.subplots(figsize=(6.4, 2.4), layout="constrained")
    for name, style in zip(others, ("o", "--"), strict=True):
        apart = 1000 * (losses[name] - losses[whole])
        axis.plot(range(STOP, STOP + len(apart)), apart, style, ms=3.5, mfc="none", label=name)
    axis.set(xlabel="step", ylabel=f"loss, minus that of\nthe run {whole} (/1000)")
    axis.legend(title="resumed with")
    plt.close(figure)
    return figure
