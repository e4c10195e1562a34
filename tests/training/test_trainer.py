from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from vtonlib.config import TrainConfig, from_json
from vtonlib.tasks.base import Phase
from vtonlib.training.checkpoint import checkpoint_folders, read_checkpoint
from vtonlib.training.log import read_log
from vtonlib.training.phase import learning_rate
from vtonlib.training.trainer import Trainer


def tensors(task: torch.nn.Module) -> dict[str, bytes]:
    return {name: t.numpy().tobytes() for name, t in task.state_dict().items()}


def fit(tiny: ModuleType, out: Path, task: torch.nn.Module | None = None, **config: object) -> Trainer:
    trainer = Trainer(task or tiny.TinyTask(), tiny.batches, tiny.train_config(**config), out)
    trainer.fit()
    return trainer


@pytest.mark.parametrize("kind", ["TinyTask", "TinyGAN"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_six_steps_are_three_and_three(tiny: ModuleType, tmp_path: Path, kind: str, schedule: str) -> None:
    class Interrupted(Exception): ...

    def interrupt(trainer: Trainer) -> None:
        raise Interrupted

    make = getattr(tiny, kind)
    whole = fit(tiny, tmp_path / "whole", make(), schedule=schedule)
    config = tiny.train_config(schedule=schedule)
    with pytest.raises(Interrupted):
        Trainer(make(), tiny.batches, config, tmp_path / "parts", callbacks=[(4, interrupt)]).fit()
    torch.rand(7)  # whatever happens to the generator in between
    parts = Trainer(make(), tiny.batches, config, tmp_path / "parts")
    parts.fit()
    assert tensors(parts.task) == tensors(whole.task)
    assert all(torch.equal(t, whole.ema.state()[name]) for name, t in parts.ema.state().items())
    for phase, optimizer in whole.optimizers.items():
        assert all(torch.equal(t, parts.optimizers[phase].state()[name]) for name, t in optimizer.state().items())
    records = read_log(tmp_path / "parts" / "log.jsonl")
    steps = [r["step"] for r in records if r.get("phase") in {"net", "generator"}]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_run_folder(tiny: ModuleType, tmp_path: Path) -> None:
    trainer = fit(tiny, tmp_path, sample_every=4)
    assert from_json(TrainConfig, (tmp_path / "config.json").read_text()) == trainer.config
    assert [f.name for f in checkpoint_folders(tmp_path / "checkpoints")] == ["step-000003", "step-000006"]
    assert sorted(f.name for f in (tmp_path / "samples").iterdir()) == ["step-000004.png", "step-000006.png"]
    with Image.open(tmp_path / "samples" / "step-000006.png") as picture:
        assert picture.size == (3 * tiny.WIDTH + 2 * 2, tiny.SIZE * tiny.HEIGHT + 2 * (tiny.SIZE - 1))
    final = load_file(tmp_path / "final" / "net.safetensors")
    averages = trainer.ema.twins["net"].state_dict()
    assert all(torch.equal(final[name], averages[name]) for name in averages)
    assert not torch.equal(final["0.weight"], trainer.task.net[0].weight)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".tmp", ".old", ".pt", ".pkl", ".bin"}]


def test_checkpoint_leaves_out_frozen_children(tiny: ModuleType, tmp_path: Path) -> None:
    fit(tiny, tmp_path)
    model = read_checkpoint(tmp_path / "checkpoints" / "step-000006").tensors["model"]
    assert {name.split(".")[0] for name in model} == {"net"}


def test_finished_run_does_nothing_and_says_so(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tiny, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    again = fit(tiny, tmp_path)
    assert "already trained for 6 steps" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert again.step == 6


def test_more_steps_continue_a_finished_run(tiny: ModuleType, tmp_path: Path) -> None:
    fit(tiny, tmp_path / "a", steps=4)
    longer = fit(tiny, tmp_path / "a", steps=6)
    assert tensors(longer.task) == tensors(fit(tiny, tmp_path / "b", steps=6).task)
    assert json.loads((tmp_path / "a" / "final" / "trained.json").read_text())["steps"] == 6
    assert [f.name for f in checkpoint_folders(tmp_path / "a" / "checkpoints")] == ["step-000004", "step-000006"]


def test_lost_final_weights_are_written_again(tiny: ModuleType, tmp_path: Path) -> None:
    fit(tiny, tmp_path)
    before = (tmp_path / "final" / "net.safetensors").read_bytes()
    (tmp_path / "final" / "trained.json").unlink()
    fit(tiny, tmp_path)
    assert (tmp_path / "final" / "net.safetensors").read_bytes() == before


def test_damaged_newest_checkpoint_falls_back(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tiny, tmp_path)
    before = (tmp_path / "final" / "net.safetensors").read_bytes()
    (tmp_path / "checkpoints" / "step-000006" / "ema.safetensors").write_bytes(b"")
    fit(tiny, tmp_path)
    said = capsys.readouterr().out
    assert "ema.safetensors is damaged" in said and "step-000003" in said
    assert (tmp_path / "final" / "net.safetensors").read_bytes() == before
    assert [r["step"] for r in read_log(tmp_path / "log.jsonl") if "phase" in r] == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "checkpoints" / "damaged-step-000006").exists()


def test_another_runs_checkpoint_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    fit(tiny, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(ValueError, match=r"step-000006 belongs to another run: .*seed is 0 there, 1 here"):
        fit(tiny, tmp_path, seed=1)
    with pytest.raises(ValueError, match="task is TinyTask there, TinyGAN here"):
        fit(tiny, tmp_path, tiny.TinyGAN())
    with pytest.raises(ValueError, match=r"net.0.bias: float32 \[8\] there, float32 \[5\] here"):
        fit(tiny, tmp_path, tiny.TinyTask(channels=5))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    fit(tiny, tmp_path, save_every=2, log_every=3)  # these may change


def test_cosine_fixes_the_number_of_steps(tiny: ModuleType, tmp_path: Path) -> None:
    fit(tiny, tmp_path, schedule="cosine")
    with pytest.raises(ValueError, match="steps is 6 there, 7 here"):
        fit(tiny, tmp_path, schedule="cosine", steps=7)


class Broken:
    """A loss whose named term is not finite from step 5 on."""

    def __init__(self, task: torch.nn.Module, value: float) -> None:
        self.task, self.value, self.loss = task, value, task.loss

    def __call__(self, batch: object) -> dict[str, Tensor]:
        terms = self.loss(batch)
        return {**terms, "absolute": terms["absolute"] * (self.value if self.task.step >= 4 else 1.0)}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_names_phase_term_and_step(tiny: ModuleType, tmp_path: Path, value: float) -> None:
    task = tiny.TinyTask()
    task.phases = (Phase("net", ("net",), Broken(task, value)),)
    with pytest.raises(FloatingPointError, match=r"step 5, phase 'net': term 'absolute' is (nan|inf)"):
        fit(tiny, tmp_path, task)
    assert read_checkpoint(tmp_path / "checkpoints" / "step-000003").step == 3
    assert all(torch.isfinite(t).all() for t in task.state_dict().values())
    fit(tiny, tmp_path, tiny.TinyTask())  # the repaired task goes on


def test_batches_that_end_are_an_error(tiny: ModuleType, tmp_path: Path) -> None:
    trainer = Trainer(
        tiny.TinyTask(), lambda start: map(tiny.make_batch, range(start, 5)), tiny.train_config(), tmp_path
    )
    with pytest.raises(ValueError, match="the batches ended at step 5, before step 6"):
        trainer.fit()


def test_log_records(tiny: ModuleType, tmp_path: Path) -> None:
    trainer = fit(tiny, tmp_path, tiny.TinyGAN(), log_every=3)
    start, *records = read_log(tmp_path / "log.jsonl")
    assert start["event"] == "start" and start["precision"] == "no" and start["reason"]
    assert [(r["phase"], r["step"]) for r in records] == [
        *(("discriminator", 3), ("generator", 3), ("discriminator", 5), ("generator", 6))
    ]
    for record in records:
        assert record["loss"] == pytest.approx(sum(record["terms"].values()))
        assert record["grad_norm"] > 0 and record["images_per_second"] > 0 and record["elapsed"] > 0
        factor = 4.0 if record["phase"] == "discriminator" else 1.0
        assert record["learning_rate"] == factor * learning_rate(trainer.config, record["step"] - 1)
    assert set(records[0]["terms"]) == {"real", "fake"}


def test_phases_keep_to_their_children_and_interval(tiny: ModuleType, tmp_path: Path) -> None:
    task = tiny.TinyGAN()
    seen: list[tuple[str, str]] = []
    state = tensors(task)

    def watch(trainer: Trainer) -> None:
        nonlocal state
        now = tensors(trainer.task)
        changed = {name.split(".")[0] for name in now if now[name] != state[name]}
        seen.append((str(trainer.step - 1), "+".join(sorted(changed))))
        state = now

    Trainer(task, tiny.batches, tiny.train_config(steps=4), tmp_path, callbacks=[(1, watch)]).fit()
    both = "discriminator+generator"
    assert seen == [("0", both), ("1", "generator"), ("2", both), ("3", "generator")]
    assert all(p.requires_grad for p in task.parameters())


def test_modes_and_averages_while_sampling(tiny: ModuleType, tmp_path: Path) -> None:
    task = tiny.TinyTask()
    modes, weights, noise = [], [], []
    loss, sample = task.loss, task.sample

    def watched_loss(batch: object) -> dict[str, Tensor]:
        modes.append((task.net.training, task.frozen.training))
        return loss(batch)

    def watched_sample(batch: object) -> tuple[Tensor, ...]:
        assert not task.net.training and not torch.is_grad_enabled()
        weights.append(task.net[0].weight.clone())
        noise.append(torch.rand(()).item())
        return sample(batch)

    task.phases = (Phase("net", ("net",), watched_loss),)
    task.sample = watched_sample
    trainer = fit(tiny, tmp_path, task, sample_every=3)
    assert set(modes) == {(True, False)} and len(noise) == 2 and len(set(noise)) == 1
    assert torch.equal(weights[-1], trainer.ema.twins["net"][0].weight)
    assert not torch.equal(weights[-1], task.net[0].weight)


def test_sampling_does_not_change_training(tiny: ModuleType, tmp_path: Path) -> None:
    assert tensors(fit(tiny, tmp_path / "a", sample_every=1).task) == tensors(fit(tiny, tmp_path / "b").task)


def test_training_lowers_the_loss(tiny: ModuleType, tmp_path: Path) -> None:
    config = tiny.train_config(steps=60, learning_rate=0.01)
    Trainer(tiny.TinyTask(), lambda start: itertools.repeat(tiny.make_batch(0)), config, tmp_path).fit()
    losses = [record["loss"] for record in read_log(tmp_path / "log.jsonl") if "phase" in record]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_bf16_trains_on_the_cpu(tiny: ModuleType, tmp_path: Path) -> None:
    trainer = fit(tiny, tmp_path, precision="bf16")
    assert {p.dtype for p in trainer.task.parameters()} == {torch.float32}
    assert read_log(tmp_path / "log.jsonl")[0]["precision"] == "bf16"


def test_steps_are_known_to_the_task(tiny: ModuleType, tmp_path: Path) -> None:
    task = tiny.TinyTask()
    loss, seen = task.loss, []
    task.phases = (Phase("net", ("net",), lambda batch: seen.append(task.step) or loss(batch)),)
    fit(tiny, tmp_path, task)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_an_experiment_is_recorded_and_compared(tiny: ModuleType, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Experiment:
        channels: int
        train: TrainConfig

    config = tiny.train_config()
    experiment = Experiment(8, config)
    Trainer(tiny.TinyTask(), tiny.batches, config, tmp_path, experiment=experiment).fit()
    assert json.loads((tmp_path / "config.json").read_text())["channels"] == 8
    longer = replace(config, steps=7)
    Trainer(tiny.TinyTask(), tiny.batches, longer, tmp_path, experiment=Experiment(8, longer)).fit()
    other = Trainer(tiny.TinyTask(), tiny.batches, longer, tmp_path, experiment=Experiment(9, longer))
    with pytest.raises(ValueError, match=r"config.channels is 8 there, 9 here"):
        other.fit()


@pytest.mark.parametrize(("harm", "fault"), [("cut", "is damaged"), ("flipped", "is damaged"), ("gone", "is missing")])
def test_damaged_final_weights_are_told_of_kept_and_written_anew(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str, fault: str
) -> None:
    fit(tiny, tmp_path)
    weights = tmp_path / "final" / "net.safetensors"
    before = weights.read_bytes()
    if harm == "gone":
        weights.unlink()
    else:
        weights.write_bytes(before[:-10] if harm == "cut" else before[:-1] + bytes([before[-1] ^ 1]))
    fit(tiny, tmp_path)
    assert f"{weights} {fault}" in capsys.readouterr().out
    assert weights.read_bytes() == before
    assert (tmp_path / "damaged-final" / "net.safetensors").exists() == (harm != "gone")


def test_a_marker_that_says_nothing_is_written_anew(tiny: ModuleType, tmp_path: Path) -> None:
    fit(tiny, tmp_path, tiny.TinyTask())
    marker = tmp_path / "final" / "trained.json"
    written = marker.read_bytes()
    marker.write_text("{")
    fit(tiny, tmp_path, tiny.TinyTask())
    assert marker.read_bytes() == written
