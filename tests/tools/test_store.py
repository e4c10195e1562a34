"""Models to be committed: in half precision, of limited size, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from gan_stages import DATA, new_pipeline
from safetensors.torch import load_file, save_file

from tools import store as module
from tools.store import store
from vtonlib import checkpoints, experiment
from vtonlib.data.world import World


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder and what is in it."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with one small network."""
    folder = tmp_path / "run"
    (folder / "final" / "net").mkdir(parents=True)
    weights = {"weight": torch.linspace(-3, 3, 7).view(1, 7), "count": torch.tensor(70_001), "tiny": torch.tensor(1e-9)}
    save_file(weights, folder / "final" / "net" / "model.safetensors")
    (folder / "final" / "model_index.json").write_text("{}")
    (folder / "config.json").write_text("config")
    (folder / "report.md").write_text("report")
    (folder / "log.jsonl").write_text("not kept")
    return folder


def test_weights_are_halved_and_the_rest_copied(run: Path, tmp_path: Path) -> None:
    before, out = digests(run), tmp_path / "deep" / "stored"
    store(run, out)
    stored = load_file(out / "net" / "model.safetensors")
    assert stored["weight"].dtype == torch.float16
    assert torch.equal(stored["weight"], torch.linspace(-3, 3, 7).view(1, 7).half())
    assert stored["count"].dtype == torch.int64 and stored["count"] == 70_001, "a number that float16 could not hold"
    assert set(digests(out)) == {"config.json", "report.md", "model_index.json", "net/model.safetensors"}
    assert digests(run) == before, "the run stays as it is"


def test_a_second_call_replaces_the_first(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "stored"
    store(run, out)
    (out / "left over").write_text("x")
    (run / "report.md").write_text("another report")
    store(run, out)
    assert not (out / "left over").exists() and (out / "report.md").read_text() == "another report"
    assert {p.name for p in tmp_path.iterdir()} == {"run", "stored"}


def test_a_file_that_is_too_large_is_refused_and_what_was_stored_stays(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "stored"
    store(run, out)
    before = digests(out)
    size = (out / "net" / "model.safetensors").stat().st_size
    monkeypatch.setattr(module, "LARGEST_CHECKPOINT", size + 1)
    store(run, out)
    monkeypatch.setattr(module, "LARGEST_CHECKPOINT", size)
    with pytest.raises(SystemExit, match=rf"model\.safetensors: {size} bytes in half precision, expected under {size}"):
        store(run, out)
    assert digests(out) == before


def test_the_limit_is_sixteen_mebibytes() -> None:
    assert module.LARGEST_CHECKPOINT == 16 * 1024 * 1024


def test_numbers_that_half_precision_cannot_hold_are_refused(run: Path, tmp_path: Path) -> None:
    save_file({"big": torch.tensor([1.0, 7e4])}, run / "final" / "net" / "model.safetensors")
    with pytest.raises(SystemExit, match=r"model\.safetensors: big holds numbers"):
        store(run, tmp_path / "stored")
    assert not (tmp_path / "stored").exists()


def test_an_interruption_leaves_what_was_there(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "stored"
    store(run, out)
    before = digests(out)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "halve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store(run, out)
    assert digests(out) == before


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(SystemExit, match=r"run: not finished, there is no final/ in it"):
        store(tmp_path / "run", tmp_path / "stored")


def test_a_stored_pipeline_paints_nearly_the_same(tmp_path: Path) -> None:
    """Spectral norm divides by u'Wv of what is stored, so the largest factor stays 1 but for a rounding."""
    pipeline = new_pipeline()
    pipeline.save_pretrained(tmp_path / "run" / "final")
    store(tmp_path / "run", tmp_path / "stored")
    loaded = experiment.load_pipeline(tmp_path / "stored").to("cpu")
    assert loaded.generator_network.dtype == torch.float32, "computed in single precision again"
    batch = World(DATA).unpaired("test", torch.arange(8))
    one, other = (experiment.try_on(p, batch) for p in (pipeline, loaded))
    assert (one.image - other.image).abs().mean() < 2e-3
    flows = [next(iter(worn.flows.values())) for worn in (one, other)]
    assert 0 < (flows[0] - flows[1]).abs().max() < 1e-2
    convolutions = [(n, m) for n, m in pipeline.generator_network.named_modules() if hasattr(m, "parametrizations")]
    assert convolutions
    for name, module_ in convolutions:
        ours, theirs = module_.weight, loaded.generator_network.get_submodule(name).weight
        assert (ours - theirs).abs().max() < 2**-10 * ours.abs().max(), name


def test_no_path_of_this_machine_is_kept(run: Path, tmp_path: Path) -> None:
    (run / "final" / "net" / "config.json").write_text('{"_name_or_path": "/somewhere", "channels": 3}')
    store(run, tmp_path / "stored")
    assert json.loads((tmp_path / "stored" / "net" / "config.json").read_text()) == {"channels": 3}


def test_one_network_alone_keeps_its_own_config(run: Path, tmp_path: Path) -> None:
    (run / "final" / "config.json").write_text('{"channels": 3}')
    store(run, tmp_path / "stored", bare=True)
    assert json.loads((tmp_path / "stored" / "config.json").read_text()) == {"channels": 3}
    assert not (tmp_path / "stored" / "report.md").exists()


def test_a_record_takes_the_place_of_the_report(run: Path, tmp_path: Path) -> None:
    config = {"preset": "x", "size": "tiny", "task": {"initial": str(tmp_path / "runs" / "coarse"), "norm": "alias"}}
    (run / "config.json").write_text(json.dumps({**config, "train": {"steps": 1, "batch_size": 2, "seed": 3}}))
    (run / "log.jsonl").unlink()
    made = module.provenance([run], run / "report.json", "2 cores")
    store(run, tmp_path / "stored", made=made)
    stored_config = json.loads((tmp_path / "stored" / "config.json").read_text())
    assert stored_config == made.trainings[-1].config
    assert stored_config["task"] == {"initial": "coarse", "norm": "alias"}, "no folder of this machine"
    assert set(digests(tmp_path / "stored")) >= {"config.json", "provenance.json"}
    assert not (tmp_path / "stored" / "report.md").exists()
    stored = (tmp_path / "stored" / "provenance.json").read_text()
    assert checkpoints.Provenance.from_json(stored) == made
