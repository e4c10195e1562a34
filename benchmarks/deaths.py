"""Ways for a process to die, for whoever must show that it does not matter: forked children, killed where it hurts."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}
"""Operations on files that Python tells of; fsync is not among them."""


def fork(work: Callable[[], object]) -> int:
    """Run ``work`` in a child process, silently; its process id."""
    child = os.fork()
    if child:
        return child
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        work()
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def outcome(child: int) -> int:
    """Wait for a child: 0, 1, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(number: int, root: Path) -> None:
    """Kill this process before its ``number``-th operation on a file under ``root``; fsync is one."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: object) -> None:
        if event in EVENTS and str(root) in str(arguments):
            step()

    fsync = os.fsync

    def flush(descriptor: int) -> None:
        step()
        fsync(descriptor)

    os.fsync = flush
    sys.addaudithook(hook)


def limit(size: int) -> None:
    """Let the system kill this process as it writes the byte after ``size`` of any file; no core is dumped."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
