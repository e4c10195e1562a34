"""Observing the attentions of a model from outside, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Self

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vtonlib.attention.core import AttentionCore, Grid
from vtonlib.attention.record import AttentionRecord


class AttentionTap(Mapping[str, AttentionRecord]):
    """Within ``with AttentionTap(model, "up.*.warp.core") as tap:`` every matching core is recorded by name.

    After a call of the model, ``tap`` maps module paths to records, in the order of the calls. The records stay after
    the block and keep their graph until the tap is dropped; ``backward`` belongs after the block (a checkpointed layer
    runs again then). One tap holds one call: where the model is called again within the block, say once for each step
    of a sampler, call ``clear`` in between.

    Args:
        model: the module to observe (unwrapped: not the DDP around it).
        pattern: shell pattern of the module paths of cores; ``*`` also matches dots.

    Raises:
        ValueError: where no core matches; the message lists the cores.
        RuntimeError: from a core that is called a second time before ``clear``.

    Book: sec-attention-tap.
    """

    def __init__(self, model: nn.Module, pattern: str = "*") -> None:
        cores = {name: module for name, module in model.named_modules() if isinstance(module, AttentionCore)}
        self._cores = {name: core for name, core in cores.items() if fnmatchcase(name, pattern)}
        if not self._cores:
            listed = ", ".join(cores) or "none"
            raise ValueError(f"no attention of {type(model).__name__} matches '{pattern}'; its cores: {listed}")
        self._records: dict[str, AttentionRecord] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self.clear()
        self._handles = [core.register_forward_hook(self._hook(n), with_kwargs=True) for n, core in self._cores.items()]
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def clear(self) -> None:
        """Forget the records, so that the model can be called again."""
        self._records.clear()

    def _hook(self, name: str) -> Any:
        def hook(core: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
            if name in self._records:
                raise RuntimeError(
                    f"attention '{name}' was called twice within one AttentionTap: call tap.clear() between two calls "
                    "of the model, and backward() after the with block"
                )
            self._records[name] = _record(name, *args, **kwargs)

        return hook

    def __getitem__(self, name: str) -> AttentionRecord:
        if name not in self._records:
            raise KeyError(f"no record of attention '{name}'; recorded: {', '.join(self._records) or 'none'}")
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def _record(
    name: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    query_grid: Grid,
    key_grids: tuple[Grid, ...],
    scale: float | None = None,
) -> AttentionRecord:
    """The record of a call of :meth:`AttentionCore.forward`, whose parameters these are."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return AttentionRecord(query, key, scale, query_grid, tuple(key_grids), name)
