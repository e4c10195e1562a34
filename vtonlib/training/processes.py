"""Several processes that train one model: accelerate starts and joins them, torch's DDP or FSDP2 shares the gradient.

    torchrun --nproc-per-node 2 -m vtonlib train stableviton
    accelerate launch --multi_gpu --num_processes 2 -m vtonlib train stableviton
    accelerate launch --use_fsdp --fsdp_version 2 --num_processes 2 -m vtonlib train stableviton

On a processor the same commands work, through gloo (``--cpu`` does not: accelerate then starts one process).

A process has its share of each batch (:class:`vtonlib.shares.Share`) and draws the random numbers of its own rows, so
the number of processes changes rounding and nothing else; what does depend on it, the docstring of
:class:`~vtonlib.training.trainer.Trainer` lists. With ``--use_fsdp`` (or ``ACCELERATE_USE_FSDP=true``) what is trained,
its moments and its averages are cut, and each process keeps a part.

Book: sec-trainer.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, gather, parse_flag_from_env, reduce
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from vtonlib.config import TrainConfig
from vtonlib.shares import Share
from vtonlib.tasks.base import Phase, Task
from vtonlib.training.identity import running_statistics


def processes() -> PartialState:
    """Who trains together; starts the group where a launcher asked for one.

    ``PartialState``, not ``Accelerator``: its precision is fixed for the life of a notebook's kernel.
    """
    # Started without a GPU, and not told so, accelerate takes each process for the only one.
    alone_on_cpu = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not (
        torch.cuda.is_available() or torch.xpu.is_available()
    )
    return PartialState(cpu=alone_on_cpu or parse_flag_from_env("ACCELERATE_USE_CPU"))


def own_share(config: TrainConfig, state: PartialState) -> Share:
    """The rows of each batch that this process trains on.

    Raises:
        ValueError: where the batch cannot be shared evenly among the processes and their pieces.
    """
    pieces = state.num_processes * config.accumulate
    if config.batch_size % pieces:
        why = f"{state.num_processes} processes share it"
        if config.accumulate > 1:
            why += f" and each computes its share in {config.accumulate} pieces (train.accumulate)"
        raise ValueError(f"train.batch_size={config.batch_size}: expected a multiple of {pieces}, since {why}")
    return Share(state.process_index, state.num_processes)


def mean_over_processes(tensor: Tensor) -> Tensor:
    """The mean of what the processes have; all must ask at the same time. Of one process the tensor itself."""
    return tensor if PartialState().num_processes == 1 else reduce(tensor, "mean")


def average_statistics(task: Task) -> None:
    """Give every process the mean of the running statistics, in one message: each has seen its own examples."""
    listed = running_statistics(task) if PartialState().num_processes > 1 else []
    if not listed:
        return
    mean = reduce(torch.cat([t.flatten() for t in listed]), "mean")
    for tensor, part in zip(listed, mean.split([t.numel() for t in listed]), strict=True):
        tensor.copy_(part.view_as(tensor))


def begin_alike(task: Task) -> None:
    """Give every process the main process's weights."""
    if PartialState().num_processes > 1:
        for tensor in task.state_dict().values():
            tensor.copy_(broadcast(tensor))


def check_agreed(step: int, where: str) -> None:
    """Refuse to go on from different steps, as where each machine has a disk of its own.

    Raises:
        ValueError: naming the steps.
    """
    if PartialState().num_processes > 1:
        found = gather(torch.tensor([step], device=PartialState().device)).tolist()
        if len(set(found)) > 1:
            raise ValueError(f"{where}: the processes find checkpoints of steps {found}; all must see the same folder")


def is_sharded() -> bool:
    """Whether the launcher asked to cut what is trained among the processes."""
    return PartialState().num_processes > 1 and parse_flag_from_env("ACCELERATE_USE_FSDP")


class Loss(nn.Module):
    """A phase's loss as one module, whatever methods of whatever children it calls: what DDP and FSDP wrap."""

    def __init__(self, task: Task, phase: Phase) -> None:
        super().__init__()
        self.task, self.phase = task, phase

    def forward(self, batch: object) -> Mapping[str, Tensor]:
        """The terms."""
        return self.phase.loss(batch)


def joined(task: Task, phase: Phase) -> nn.Module:
    """A phase's loss whose gradient is the mean over the processes. To be called where the phase alone may train.

    Raises:
        ValueError: for a task of several phases that is to be cut: FSDP gathers a module for one forward pass, and a
            discriminator takes part in two.
    """
    loss, state = Loss(task, phase), PartialState()
    if state.num_processes == 1:
        return loss
    if not is_sharded():
        return DistributedDataParallel(loss, find_unused_parameters=True, broadcast_buffers=False)
    if len(task.phases) > 1:
        names = ", ".join(other.name for other in task.phases)
        raise ValueError(
            f"{type(task).__name__} has phases {names}: FSDP trains tasks of one phase. Launch it without --use_fsdp"
        )
    from torch.distributed.fsdp import fully_shard  # from torch 2.6 on

    frozen = {p for p in task.parameters() if not p.requires_grad}
    mesh = init_device_mesh(state.device.type, (state.num_processes,))
    fully_shard(loss, mesh=mesh, ignored_params=frozen)
    return loss


def sharing_gradient(loss: nn.Module, now: bool) -> AbstractContextManager[object]:
    """Within the block a backward pass shares the gradient ``now``, or leaves it to a later pass."""
    if isinstance(loss, DistributedDataParallel):
        return nullcontext() if now else loss.no_sync()
    if share := getattr(loss, "set_requires_gradient_sync", None):  # FSDP2's
        share(now)
    return nullcontext()


def own_part(tensor: Tensor) -> Tensor:
    """What this process keeps of a tensor, in place."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, put together where they are cut. All processes must ask."""
    return {name: t.full_tensor() if isinstance(t, DTensor) else t for name, t in tensors.items()}


def cut_like(model: Tensor, tensor: Tensor) -> Tensor:
    """A whole tensor, cut as ``model`` is."""
    if not isinstance(model, DTensor):
        return tensor
    return distribute_tensor(tensor.to(model.device), model.device_mesh, model.placements, src_data_rank=None)


def fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load whole tensors into a module that may be cut; what is not named stays."""
    own = module.state_dict()
    module.load_state_dict({name: cut_like(own[name], t) for name, t in tensors.items()}, strict=False)


@torch.no_grad()
def put_together(module: nn.Module) -> nn.Module:
    """The module, or where it is cut a copy that is whole. All processes must ask."""
    if not any(isinstance(p, DTensor) for p in module.parameters()):
        return module
    together = copy.deepcopy(module)
    for owner in together.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if isinstance(parameter, DTensor):
                setattr(owner, name, nn.Parameter(parameter.full_tensor(), requires_grad=False))
    return together
