"""The training loop: one for GANs, diffusion and contrastive models, which differ in their phases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from vtonlib.config import TrainConfig, to_json
from vtonlib.data.batch import TryOnBatch
from vtonlib.disk import atomic_folder, replace_text, sole_writer
from vtonlib.images import grid, save_png
from vtonlib.tasks.base import Task
from vtonlib.training.checkpoint import Checkpoint, delete_old_checkpoints, latest_checkpoint, save_checkpoint
from vtonlib.training.ema import EMA
from vtonlib.training.final import FINAL, is_finished, mark_finished
from vtonlib.training.identity import check_same_settings, check_same_tensors, identity, model_state, seed_everything
from vtonlib.training.loading import shares
from vtonlib.training.log import Progress, TrainLog
from vtonlib.training.phase import PhaseOptimizer
from vtonlib.training.precision import choose_precision
from vtonlib.training.processes import average_statistics, begin_alike, check_agreed, fill, own_share, processes, whole

Batches = Callable[[int], Iterable[TryOnBatch]]
Callback = tuple[int, Callable[["Trainer"], None]]
EXAMPLES = 8
"""Rows of the picture grid, unless examples are given."""


class Trainer:
    """Trains a task, into a run folder.

    The folder holds ``config.json``, ``log.jsonl``, ``samples/step-000200.png``, ``checkpoints/step-000200/`` (the two
    newest) and at the end ``final/``, what the task's ``save`` wrote of the averaged weights. Training that was
    interrupted goes on from the newest checkpoint; on a CPU, with as many threads, it ends with the very weights that
    it would have had.

    Under ``accelerate launch`` or ``torchrun`` each process trains on its share of each batch, the main process alone
    writes, and any number resumes (:mod:`~vtonlib.training.processes`). But for rounding the weights are those of one
    process; except with batch normalisation, which knows the rows of its process, or piece; and, with ``accumulate``,
    means over masks (pieces count alike), spectral norms and the autoencoder's ``latent_power`` (moved by each piece).

    Args:
        task: what to train; it is moved to the device.
        batches: start index -> batches from there on; batch k must be the same at every call.
        config: how to train.
        out: the run folder.
        experiment: the settings of the whole experiment, a config record that is written to ``config.json`` and
            compared on resuming; only ``config`` by default.
        examples: what ``task.sample`` is shown; the first rows of batch 0 by default.
        callbacks: pairs (every, call): ``call(trainer)`` after every so many steps.

    Raises:
        ValueError: phases that cannot be trained, a precision that the device lacks, or a batch size that the
            processes cannot share.

    Book: sec-trainer.
    """

    def __init__(
        self,
        task: Task,
        batches: Batches,
        config: TrainConfig,
        out: Path | str,
        *,
        experiment: Any = None,
        examples: TryOnBatch | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        task.check()
        self.processes = processes()
        self.share = own_share(config, self.processes)
        self.task, self.batches, self.config, self.out = task, batches, config, Path(out)
        self.experiment = config if experiment is None else experiment
        self.examples, self.step, self.saved, self.elapsed = examples, 0, -1, 0.0
        self.device = self.processes.device
        self.precision = choose_precision(config.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision.value == "fp16")
        self.task.to(self.device)
        begin_alike(self.task)
        self.optimizers = {p.name: PhaseOptimizer(task, p, config, self.precision, self.scaler) for p in task.phases}
        self.ema = EMA(task, config.ema_decay)  # of parameters that may be cut by now
        self.log = TrainLog(self.out / "log.jsonl")
        # Saving comes last: what a restart takes up after a checkpoint must already have been drawn.
        self.callbacks = ((config.sample_every, Trainer.draw), *callbacks, (config.save_every, Trainer.save))

    def fit(self) -> None:
        """Train until ``config.steps``, from the newest checkpoint if there is one.

        Raises:
            ValueError: the checkpoint is of another run (naming what differs), or the batches ended.
            FloatingPointError: a loss or a gradient is not finite (naming step, phase and term).
            BlockingIOError: another process trains into this folder.
        """
        main = self.processes.is_main_process
        with sole_writer(self.out, "checkpoints", "samples") if main else nullcontext():
            self._fit()

    def _fit(self) -> None:
        self.resume()
        if self._finished():
            return self._say(f"{self.out}: already trained for {self.step} steps, nothing to do")
        self._announce()
        self._set_modes()
        main = self.processes.is_main_process
        self.progress = Progress(
            self.log if main else None, step=self.step, steps=self.config.steps, elapsed=self.elapsed
        )
        try:
            for batch in self._remaining_batches():
                self._advance(batch)
        finally:
            self.progress.flush()
            self.progress.close()
        self.finish()

    def _advance(self, batch: TryOnBatch) -> None:
        """One step on this share of a batch: every phase that is due, the average, and what happens every so often."""
        seed_everything(self.config.seed, step=self.step)  # all alike: see `shares.drawn`
        self.task.step = self.step
        for phase in self.task.phases:
            if self.step % phase.interval == 0:
                self.progress.note(phase.name, self.optimizers[phase.name].update(batch, self.step, self.share))
        average_statistics(self.task)
        self.ema.update(self.step)
        self.step += 1
        self.progress.advance(self.config.batch_size)
        # A checkpoint flushes too, so that a resumed run logs what an uninterrupted one does.
        if any(self._due(every) for every in (self.config.log_every, self.config.save_every)):
            self.progress.flush()
        self.elapsed = self.progress.elapsed
        for every, call in self.callbacks:
            if self._due(every):
                call(self)

    def resume(self) -> None:
        """Continue from the newest undamaged checkpoint of the run folder, if there is one."""
        root = self.out / "checkpoints"
        with self.processes.main_process_first():  # it renames damaged ones
            checkpoint = latest_checkpoint(root, self._say)
            if self.processes.is_main_process:
                delete_old_checkpoints(root)
        check_agreed(-1 if checkpoint is None else checkpoint.step, str(root))
        if checkpoint is None:
            return
        where = str(root / f"step-{checkpoint.step:06d}")
        check_same_settings(identity(self.task, self.config, self.experiment), checkpoint.state["run"], where)
        model, ema = checkpoint.tensors["model"], checkpoint.tensors["ema"]
        check_same_tensors(model_state(self.task), model, where)
        check_same_tensors(self.ema.state(), ema, where)
        fill(self.task, model)
        self.ema.load(ema)
        for optimizer in self.optimizers.values():
            optimizer.load(checkpoint.tensors["optimizer"])
        if self.scaler.is_enabled() and checkpoint.state["scaler"]:
            self.scaler.load_state_dict(checkpoint.state["scaler"])
        self.step = self.saved = checkpoint.step
        self.elapsed = checkpoint.state["elapsed"]
        self._say(f"resuming from {where}")

    def save(self) -> None:
        """Write a checkpoint of this step."""
        optimizers = {key: t for optimizer in self.optimizers.values() for key, t in optimizer.state().items()}
        parts = {"model": model_state(self.task), "ema": self.ema.state(), "optimizer": optimizers}
        tensors = {name: whole(part) for name, part in parts.items()}
        if self.processes.is_main_process:
            run = identity(self.task, self.config, self.experiment)
            state = {"run": run, "elapsed": self.elapsed, "scaler": self.scaler.state_dict()}
            self.log.keep()
            save_checkpoint(self.out / "checkpoints", Checkpoint(step=self.step, tensors=tensors, state=state))
        self.processes.wait_for_everyone()
        self.saved = self.step

    def draw(self) -> None:
        """Write the picture grid of this step, always from the same noise."""
        with self.averaged(), self.precision.autocast(self.device):
            if not self.processes.is_main_process:
                return
            if self.examples is None:
                self.examples = next(iter(self.batches(0)))[:EXAMPLES]
            seed_everything(self.config.seed)
            columns = self.task.sample(self.examples.to(self.device))
        if columns:
            save_png(self.out / "samples" / f"step-{self.step:06d}.png", grid(columns))

    def finish(self) -> None:
        """Write the last checkpoint, the last picture, and the averaged weights."""
        if self.saved != self.step:
            self.save()
        if self.config.sample_every and not self._due(self.config.sample_every):
            self.draw()
        with self.averaged():
            if self.processes.is_main_process:
                with atomic_folder(self.out / FINAL) as folder:
                    self.task.save(folder)
                    mark_finished(folder, self.step)
        self.processes.wait_for_everyone()
        self._say(f"{self.out / 'final'}: trained for {self.step} steps in {self.elapsed:.0f} s")

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the task is in evaluation mode, with averaged weights and without gradients. All processes
        must ask."""
        self.task.eval()
        try:
            with self.ema.applied(), torch.no_grad():
                yield
        finally:
            self._set_modes()

    def _set_modes(self) -> None:
        """Training mode for what is trained, evaluation mode for frozen children."""
        self.task.eval()
        for name in self.task.trained():
            self.task.get_submodule(name).train()

    def _finished(self) -> bool:
        with self.processes.main_process_first():  # it renames what is damaged
            return self.step >= self.config.steps and is_finished(self.out / FINAL, self.step, self._say)

    def _announce(self) -> None:
        """Print and log how the training starts; forget what was logged beyond the checkpoint."""
        value, reason = self.precision
        self._say(f"training on {self.device}, precision {value}: {reason}")
        if self.processes.is_main_process:
            replace_text(self.out / "config.json", to_json(self.experiment))
            self.log.truncate(self.step)
            start = {"step": self.step, "event": "start", "device": str(self.device), "precision": value}
            self.log.write({**start, "reason": reason, "processes": self.processes.num_processes})

    def _remaining_batches(self) -> Iterator[TryOnBatch]:
        if self.step < self.config.steps:
            for batch in shares(self.batches, self.share, self.device, start=self.step, workers=self.config.workers):
                yield batch
                if self.step >= self.config.steps:
                    return
            raise ValueError(f"the batches ended at step {self.step}, before step {self.config.steps}")

    def _due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0

    def _say(self, text: str) -> None:
        if self.processes.is_main_process:
            tqdm.write(text)
