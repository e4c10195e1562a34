"""Write constraints.txt, the pins of everything below requirements.txt. Needs uv (``pip install uv``).

No find-links and no pip configuration are used, so no local path, URL, hash or +cpu tag can leak in. Hashes are left
out on purpose: with a hashed torch, pip passes over a local CPU wheel and downloads the CUDA build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from tools.shell import ROOT, write

HEAD = "# Pins of everything below requirements.txt, for Python 3.11 and newer. Written by: python3 -m tools lock\n"
# With an NVIDIA card these come with torch, in the versions torch itself asks for.
CUDA = re.compile(r"(nvidia-|cuda-|triton)")


def clean(compiled: str) -> str:
    """uv's output as constraints: without CUDA's packages, and without anything that only holds on one machine."""
    pins = [line for line in compiled.splitlines() if not CUDA.match(line)]
    leaked = [line for line in pins if "://" in line or "+cpu" in line or " @ " in line or "--hash" in line]
    if leaked:
        sys.exit(f"lock: these lines hold on one machine only: {'; '.join(leaked)}")
    return HEAD + "\n".join(pins) + "\n"


def main(_: list[str]) -> None:
    """Compile for every platform and Python from 3.11 on."""
    uv = shutil.which("uv")
    if not uv:
        sys.exit("lock: uv is needed; pip install uv")
    lines = (ROOT / "requirements.txt").read_text(encoding="utf8").splitlines()
    direct = "\n".join(line for line in lines if not line.startswith("-c"))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UV_FIND_LINKS", "PIP_"))}
    options = ["--universal", "--python-version", "3.11", "--no-annotate", "--no-header"]
    command = [uv, "pip", "compile", "-q", *options, "-"]
    done = subprocess.run(command, input=direct, text=True, stdout=subprocess.PIPE, cwd=ROOT, env=env)
    if done.returncode:
        sys.exit("lock: uv found no set of versions; see its message above")
    write(ROOT / "constraints.txt", clean(done.stdout))
    print("lock: wrote constraints.txt")
