"""Stored models: read whole from safetensors, or refused by name; never from a pickle, never from a server."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.models.stored import load_stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "matcher"
    GeometricMatcher(size=(16, 16), channels=(8,), regressor=(8,), strided=0).save_pretrained(folder)
    return folder


def lose_a_tensor(file: Path) -> None:
    tensors = load_file(file)
    save_file(dict(list(tensors.items())[1:]), file, metadata={"format": "pt"})


def pickle_instead(file: Path) -> None:
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()


def spoil_a_number(file: Path) -> None:
    tensors = load_file(file)
    next(t for t in tensors.values() if t.is_floating_point()).view(-1)[0] = float("nan")
    save_file(tensors, file, metadata={"format": "pt"})


def word_for_a_number(file: Path) -> None:
    config = file.with_name("config.json")
    config.write_text(json.dumps(json.loads(config.read_text()) | {"strided": "x"}))


DAMAGES = {
    "missing folder": (lambda f: shutil.rmtree(f.parent), "no such file"),
    "missing settings": (lambda f: (f.parent / "config.json").unlink(), "no such file"),
    "broken settings": (lambda f: (f.parent / "config.json").write_text("{"), "config.json: not JSON"),
    "missing weights": (lambda f: f.unlink(), "no .safetensors file"),
    "a pickle instead": (pickle_instead, "no .safetensors file"),
    "truncated": (lambda f: os.truncate(f, 1000), "not a whole GeometricMatcher"),
    "empty": (lambda f: f.write_bytes(b""), "not a whole GeometricMatcher"),
    "a tensor less": (lose_a_tensor, "the file lacks"),
    "a number that is none": (spoil_a_number, r"in diffusion_pytorch_model.safetensors, .* holds NaN or infinity"),
    "a word for a number": (word_for_a_number, r"config.json: strided='x': expected int"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_are_named_and_no_pickle_is_read(damage, stored, tmp_path, monkeypatch):
    harm, message = DAMAGES[damage]
    folder = tmp_path / "matcher"
    shutil.copytree(stored, folder)
    harm(folder / "diffusion_pytorch_model.safetensors")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was loaded"))
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        load_stored(GeometricMatcher, folder)
    assert str(folder) in str(caught.value) and len(str(caught.value)) < 600


def test_what_was_stored_is_loaded_in_evaluation_mode(stored):
    model = load_stored(GeometricMatcher, stored)
    weights = load_file(stored / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert not model.training
