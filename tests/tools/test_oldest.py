"""The weekly job with the oldest versions installs what pyproject.toml allows at least."""

from __future__ import annotations

import tomllib

from tools.shell import ROOT


def test_the_oldest_versions_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    lines = (ROOT / ".github" / "oldest.txt").read_text(encoding="utf8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    for requirement in project["dependencies"]:
        name, _, least = requirement.partition(">=")
        found = [int(n) for n in pins[name].split(".")]
        asked = [int(n) for n in least.split(".")]
        assert found[: len(asked)] == asked, f"{name}: {pins[name]} is installed, {least} is allowed"
