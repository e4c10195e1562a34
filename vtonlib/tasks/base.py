"""What is trained: a task is models and losses, as a list of phases; the trainer knows nothing else about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from vtonlib.config import TrainConfig
from vtonlib.data.source import TrainingBatches, TryOnSource, ordered_batches, shown_split


@dataclass(frozen=True, slots=True)
class Phase:
    """One update of some of a task's children: a GAN has two phases, a diffusion model one.

    Book: sec-trainer.
    """

    name: str
    """How the log calls it: "denoiser", "generator", "discriminator"."""
    trains: tuple[str, ...]
    """Children of the task (or dotted submodules) whose parameters this phase updates."""
    loss: Callable[[Any], Mapping[str, Tensor]]
    """Of a batch, the weighted terms, all scalars: the phase minimises their sum, the log shows each."""
    interval: int = 1
    """The phase runs at steps 0, interval, 2 * interval, ..."""
    rate: float = 1.0
    """Its learning rate, as a multiple of the common one (GANs train the discriminator faster)."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's moment decays (GANs use (0, 0.9) or (0.5, 0.999))."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Submodules that learn at a multiple of the phase's rate: a pretrained base slower than what is new."""


class Task(nn.Module):
    """Models as children, and the phases that train them.

    A phase calls its models directly, ``self.unet(...)``: the trainer neither wraps nor renames children.
    """

    phases: tuple[Phase, ...] = ()
    """What an update consists of, in order."""
    averaged: tuple[str, ...] = ()
    """Children that also exist as an exponential moving average, which is what is sampled from and saved."""
    step: int = 0
    """Updates done so far, kept by the trainer: for losses that are switched on later."""
    train_examples: int | None = None
    """How many examples :meth:`batches` draws from; a checkpoint of training on another number is refused."""
    initial: str = ""
    """The checksum of the weights that it started from, empty if they were drawn: a checkpoint of a run that started
    from others is refused, but where they lie may change."""

    def batches(self, source: TryOnSource, config: TrainConfig) -> Callable[[int], Iterator[Any]]:
        """Start step -> the endless batches from there on that the trainer hands to the phases' losses."""
        self.train_examples = source.size("train")
        return TrainingBatches(source, config.batch_size, config.seed)

    def examples(self, source: TryOnSource, count: int) -> Any:
        """What :meth:`sample` is shown while training: the first people of the test split, or of what there is."""
        return next(ordered_batches(source, shown_split(source), count=count))

    def sample(self, batch: Any) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Columns of the picture grid drawn while training, for example (garments, results, persons); () for none."""
        return ()

    def save(self, folder: Path) -> None:
        """Write the trained models into an existing folder: here one ``<child>.safetensors`` for each trained child.

        A task with a pipeline calls the pipeline's ``save_pretrained(folder)`` instead.
        """
        for name in self.trained():
            state = self.get_submodule(name).state_dict()
            save_file(
                {key: value.cpu().clone().contiguous() for key, value in state.items()}, folder / f"{name}.safetensors"
            )

    def trained(self) -> tuple[str, ...]:
        """The submodules that some phase trains, each once."""
        return tuple(dict.fromkeys(name for phase in self.phases for name in phase.trains))

    def check(self) -> None:
        """Refuse phases that cannot be trained.

        Raises:
            ValueError: no phases, two of one name, an interval below 1, or a submodule that does not exist.
        """
        names = [phase.name for phase in self.phases]
        kind = type(self).__name__
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{kind}.phases are named {names}: expected at least one, with different names")
        for phase in self.phases:
            if phase.interval < 1:
                raise ValueError(f"{kind}: phase '{phase.name}' has interval {phase.interval}, expected at least 1")
        known = {name for name, _ in self.named_modules() if name}
        for name in (*self.trained(), *self.averaged):
            if name not in known:
                children = ", ".join(name for name, _ in self.named_children()) or "none"
                raise ValueError(f"{kind} has no submodule '{name}'; its children: {children}")
