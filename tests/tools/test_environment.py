"""What set-up decides; nothing is installed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import environment
from tools.environment import Torch, choose, requirement_lines, usable
from tools.shell import ROOT

PY = "3.11.7 (main) [GCC]"


@pytest.mark.parametrize(
    ("runs", "stamp", "wanted", "action"),
    [
        ("", "", "pinned b", "create"),
        (PY, "pinned b", "pinned b", "reuse"),
        (PY, "pinned a", "pinned b", "install"),
        (PY, "", "pinned b", "install"),
        (PY, "", "2.11.0+cu128 b", "create"),
        (PY, "2.11.0+cu128 a", "2.11.0+cu128 b", "install"),
        (PY, "2.11.0+cu128 b", "2.12.0+cu128 b", "create"),
        (PY, "2.11.0+cu128 b", "pinned b", "create"),
        (PY, "pinned b", "2.11.0+cu128 b", "create"),
        ("3.12.1 (main) [GCC]", "pinned b", "pinned b", "create"),
    ],
)
def test_choice(runs: str, stamp: str, wanted: str, action: str) -> None:
    assert choose(runs=runs, wanted=PY, stamp=stamp, wanted_stamp=wanted) == action


@pytest.mark.parametrize(
    ("version", "kept"), [("2.4.1", False), ("2.5.0", True), ("2.11.0+cu128", True), ("3.0", True)]
)
def test_only_a_recent_torch_is_kept(version: str, kept: bool) -> None:
    assert (usable(Torch(version, "/somewhere")) is not None) == kept


def test_no_torch_is_not_kept() -> None:
    assert usable(None) is None


def test_torch_is_pinned_only_where_none_is_kept() -> None:
    text = "# why\n-c constraints.txt\ntorch==2.13.0\ntorchmetrics>=1.8,<2\n\nnumpy>=2.4,<3\n"
    assert requirement_lines(text, None) == ["torch==2.13.0", "torchmetrics>=1.8,<2", "numpy>=2.4,<3"]
    assert requirement_lines(text, Torch("2.11.0", "")) == ["torchmetrics>=1.8,<2", "numpy>=2.4,<3"]


def test_a_given_interpreter_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VTON_PYTHON", "/some/python")
    assert environment.python() == "/some/python"


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VTON_PYTHON", raising=False)
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 4))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed"):
        environment.python()


def installed_with(torch: Torch | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[list[str]], str]:
    """The pip calls of an installation, and the constraints it writes."""
    calls: list[list[str]] = []
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "call", lambda *words: calls.append([str(w) for w in words]))
    monkeypatch.setattr(environment, "can_import", lambda *_: True)
    environment.install(tmp_path / "python", torch)
    return calls, (tmp_path / "constraints.txt").read_text()


def test_pip_may_not_replace_a_torch_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VTON_TORCH_INDEX", raising=False)
    calls, constraints = installed_with(Torch("2.11.0+cu128", "/x"), tmp_path, monkeypatch)
    assert "torch==2.11.0+cu128\n" in constraints and "torch==2.13.0" not in constraints
    assert "torch=" not in (tmp_path / "requirements.txt").read_text()
    assert len(calls) == 2 and not any("index" in word for words in calls for word in words)


def test_the_index_of_cpu_builds_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VTON_TORCH_INDEX", "https://example.org/cpu")
    calls, constraints = installed_with(None, tmp_path, monkeypatch)
    assert calls[0][calls[0].index("--extra-index-url") + 1] == "https://example.org/cpu"
    assert "torch==" in constraints and "torch==" in (tmp_path / "requirements.txt").read_text()


def test_constraints_pin_every_requirement_and_no_machine() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    pinned = {line.partition("==")[0] for line in constraints.splitlines() if "==" in line}
    direct = requirement_lines((ROOT / "requirements.txt").read_text(), None)
    assert {line.split("=")[0].split(">")[0] for line in direct} <= pinned
    assert not any(word in constraints for word in ("://", "+cpu", " @ ", "--hash", "nvidia-"))
