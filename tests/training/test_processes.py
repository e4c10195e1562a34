"""Two processes train as one does: the same examples, the same curve, the same weights but for rounding.

In float64, where rounding is 1e-16, every tensor agrees to 1e-9 of its largest number: what differs in float32 is
rounding, not another loss.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from vtonlib.config import TrainConfig
from vtonlib.shares import Share
from vtonlib.training.log import read_log
from vtonlib.training.processes import own_share

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(900)  # the launch takes some 15 s of two quiet cores
EXACT = 1e-9
"""Of float64: relative, and of a tensor's largest number or 1, whichever is less (of a GAN's, of 1)."""
ROUNDED = 1e-5
"""Relative; of float32, after four steps."""


@pytest.fixture(scope="module")
def together() -> ModuleType:
    """The module that both processes run."""
    spec = importlib.util.spec_from_file_location("together", HERE / "together.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As the launched processes compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def launched(
    together: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """What two processes wrote, and how they ended. One process began the runs that they go on with."""
    root = tmp_path_factory.mktemp("two")
    together.matcher(root / "resumed", steps=2)
    together.stable_viton(root / "cut", steps=2)
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes=2",
        "--num_machines=1",
    ]
    done = subprocess.run(
        [*launch, "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0", HERE / "together.py", root],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=800,
    )
    return root, done


@pytest.fixture(scope="module")
def alone(together: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run folder of a training by one process; of six steps, where two train for four: it has both checkpoints."""
    root = tmp_path_factory.mktemp("one")

    def run(name: str) -> Path:
        if not (root / name).exists():
            together.TRAININGS[name](root / name, steps=6 if name in together.LONG else 2)
        return root / name

    return run


def tensors(run: Path, step: int) -> dict[str, torch.Tensor]:
    """Weights, averages and moments of a checkpoint."""
    folder = run / "checkpoints" / f"step-{step:06d}"
    parts = {name: load_file(folder / f"{name}.safetensors") for name in ("model", "ema", "optimizer")}
    return {f"{name}.{key}": t for name, part in parts.items() for key, t in part.items()}


def curve(run: Path) -> list[float]:
    """What the log says of each update: loss, terms, norm of the gradient."""
    records = [record for record in read_log(run / "log.jsonl") if "phase" in record]
    return [x for record in records for x in (record["loss"], record["grad_norm"], *record["terms"].values())]


def seen(run: Path) -> list[list[list[int]]]:
    """The examples of each step, by process."""
    return [json.loads(file.read_text()) for file in sorted(run.glob("seen-*.json"))]


@pytest.mark.parametrize("name", ["matcher", "stable_viton", "leffa", "sharded", "gan"])
def test_two_processes_train_as_one(
    together: ModuleType, launched: tuple[Path, object], alone: Callable[[str], Path], name: str
) -> None:
    two, one = launched[0] / name, alone("stable_viton" if name == "sharded" else name)
    assert curve(two) == pytest.approx(curve(one)[: len(curve(two))], rel=1e-5)  # the log's terms are float32
    assert curve(two)
    step = together.STEPS if name in together.LONG else 2
    expected, found = tensors(one, step), tensors(two, step)
    assert expected.keys() == found.keys()
    for key, tensor in found.items():
        # of the GAN absolute: a bias before a norm has no gradient but rounding
        largest = 1.0 if name == "gan" else min(1.0, float(expected[key].abs().max()))
        torch.testing.assert_close(
            tensor, expected[key], rtol=EXACT, atol=EXACT * largest, msg=lambda text, key=key: f"{key}: {text}"
        )


def test_losses_of_float32_differ_by_rounding(launched: tuple[Path, object], alone: Callable[[str], Path]) -> None:
    found = curve(launched[0] / "augmented")
    assert found == pytest.approx(curve(alone("augmented"))[: len(found)], rel=ROUNDED)


def test_processes_read_the_examples_of_one_and_share_them(
    together: ModuleType, launched: tuple[Path, object], alone: Callable[[str], Path]
) -> None:
    (whole,) = seen(alone("matcher"))
    first, second = seen(launched[0] / "matcher")
    assert [len(rows) for rows in (*first, *second)] == [together.BATCH // 2] * 2 * together.STEPS
    assert [[a, c, b, d] for (a, b), (c, d) in zip(first, second, strict=True)] == whole[: together.STEPS]


@pytest.mark.parametrize(("name", "training"), [("resumed", "matcher"), ("cut", "stable_viton")])
def test_one_two_one_processes_go_on(
    together: ModuleType, launched: tuple[Path, object], alone: Callable[[str], Path], name: str, training: str
) -> None:
    run = launched[0] / name
    together.TRAININGS[training](run, steps=6)
    assert curve(run) == pytest.approx(curve(alone(training)), rel=1e-5)
    starts = [record["processes"] for record in read_log(run / "log.jsonl") if record.get("event") == "start"]
    assert starts == [1, 2, 1]
    files = sorted(path.relative_to(run) for path in (run / "final").rglob("*.safetensors"))
    assert files
    for file in files:
        expected = load_file(alone(training) / file)
        for key, tensor in load_file(run / file).items():
            torch.testing.assert_close(tensor, expected[key], rtol=EXACT, atol=EXACT)


def test_the_main_process_alone_writes(launched: tuple[Path, object]) -> None:
    for run in launched[0].iterdir():
        assert len(read_log(run / "log.jsonl")) == len({json.dumps(record) for record in read_log(run / "log.jsonl")})
        assert {path.name for path in run.iterdir()} == {
            *("checkpoints", "config.json", "final", "log.jsonl", "seen-0.json", "seen-1.json")
        }
        assert not [path for path in run.rglob(".*")]


def test_an_error_of_one_ends_all_with_one_message(
    launched: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    done = launched[1]
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert told == ["error: this example is broken (process 1 of 2)"]
    assert not [line for line in done.stderr.splitlines() if "File" in line and "vtonlib" in line]  # but the launcher's


def test_pieces_are_the_batch_where_examples_count_alike(together: ModuleType, tmp_path: Path) -> None:
    together.plain(tmp_path / "whole", steps=2)
    together.plain(tmp_path / "pieces", steps=2, accumulate=2)
    assert curve(tmp_path / "pieces") == pytest.approx(curve(tmp_path / "whole"), rel=1e-5)


def test_pieces_of_a_masked_mean_count_alike(together: ModuleType, tmp_path: Path) -> None:
    """The stated exception: some percent, since garments of a batch differ in size."""
    together.matcher(tmp_path / "whole", steps=1)
    together.matcher(tmp_path / "pieces", steps=1, accumulate=2)
    pairs = zip(curve(tmp_path / "pieces"), curve(tmp_path / "whole"), strict=True)
    worst = max(abs(a - b) / abs(b) for a, b in pairs)
    assert 1e-3 < worst < 0.2


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    three = SimpleNamespace(num_processes=3, process_index=1)
    assert own_share(TrainConfig(batch_size=6), three) == Share(1, 3)
    with pytest.raises(ValueError, match=r"train.batch_size=32: expected a multiple of 3, since 3 processes share it$"):
        own_share(TrainConfig(), three)
    with pytest.raises(
        ValueError, match=r"batch_size=6: expected a multiple of 12, .*in 4 pieces \(train.accumulate\)"
    ):
        own_share(TrainConfig(batch_size=6, accumulate=4), three)
