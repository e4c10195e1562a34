"""vtonlib opens no connection and loads no pickle: no name in its sources says so, and no event while it runs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.api import modules
from tools.shell import ROOT

MODULES = modules()
FORBIDDEN_IMPORTS = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"),
    *("socket", "requests", "urllib", "http", "ftplib", "aiohttp", "httpx", "httpx2", "huggingface_hub", "wandb"),
}
FORBIDDEN_CALLS = {
    *("torch.load", "torch.save", "torch.hub.load", "torch.hub.load_state_dict_from_url", "torch.jit.load"),
    *("hf_hub_download", "snapshot_download", "load_state_dict_from_url", "urlopen", "urlretrieve", "read_pickle"),
    *("accelerator.save_state", "accelerator.load_state", "eval", "exec"),
}


def forbidden(text: str) -> list[str]:
    """The imports and calls in ``text`` that could reach a network or run a pickle."""
    found = []
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        found += [f"import {name}" for name in names if name.split(".")[0] in FORBIDDEN_IMPORTS]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).removeprefix("self.")
            risky = called in FORBIDDEN_CALLS or called.split(".")[-1] in FORBIDDEN_CALLS - {"eval", "exec"}
            found += [f"{called}()"] if risky else []
            allows = [k for k in node.keywords if k.arg == "allow_pickle" and ast.unparse(k.value) != "False"]
            found += [f"{called}(allow_pickle=...)"] if allows else []
    return found


@pytest.mark.parametrize("module", MODULES)
def test_sources_name_nothing_forbidden(module: str) -> None:
    assert forbidden(MODULES[module].read_text(encoding="utf8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from urllib.request import urlopen",
        "def f():\n    import requests.adapters",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "torch.hub.load('a', 'b')",
        "self.accelerator.load_state(folder)",
        "eval(text)",
    ],
)
def test_forbidden_lines_are_found(line: str) -> None:
    assert len(forbidden(line)) == 1


def test_harmless_lines_pass() -> None:
    assert forbidden("model.eval()\nload_file(path)\nnp.load(path, allow_pickle=False)\nimport json") == []


WATCHED = """
import json, sys
events = []
def hook(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "pickle.find_class", "urllib.Request"}:
        events.append(f"{event} {arguments[-1] if event != 'pickle.find_class' else arguments}"[:200])
sys.addaudithook(hook)
JOB
print("events:" + json.dumps(events))
"""


def events_of(job: str, folder: Path) -> list[str]:
    """The connections and unpickled classes while ``job`` runs in a process of its own."""
    code = WATCHED.replace("JOB", job)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.rpartition("events:")[2])


def test_importing_everything_is_silent(tmp_path: Path) -> None:
    names = [name for name in MODULES if not name.endswith("__main__")]
    assert events_of(f"import importlib; [importlib.import_module(m) for m in {names}]", tmp_path) == []


@pytest.mark.skipif(not (ROOT / "vtonlib" / "cli.py").exists(), reason="there is no command line yet")
def test_training_and_resuming_is_silent(tmp_path: Path) -> None:
    """Two steps of the matcher, and again from the checkpoint after the result was lost."""
    train = "train matcher --size tiny --out run --set train.steps=2 train.save_every=1 train.sample_every=0".split()
    lose = "import shutil; shutil.rmtree('run/final')"
    job = f"from vtonlib.cli import main; assert main({train}) == 0; {lose}; assert main({train}) == 0"
    assert events_of(job, tmp_path) == []
    assert list((tmp_path / "run").rglob("*.safetensors"))


def test_the_watch_sees_a_pickle_and_a_connection(tmp_path: Path) -> None:
    job = "import pickle, collections; pickle.loads(pickle.dumps(collections.OrderedDict()))"
    assert any("pickle.find_class" in event for event in events_of(job, tmp_path))
    job = "import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 9))"
    assert any("socket.connect" in event for event in events_of(job, tmp_path))
