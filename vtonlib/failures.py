"""What the command line says when something that can be expected goes wrong: one line instead of a traceback."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

EXPECTED = (ValueError, OSError, FloatingPointError, SafetensorError, MemoryError)
"""What the user's input, the disk or the machine causes. Anything else is a bug of ours and keeps its traceback."""
TRACEBACK = "VTON_TRACEBACK"
"""Set this environment variable to see the traceback of expected errors as well."""
LONGEST = 1000
"""Characters of a message; values that somebody gave may be longer."""
LEFT = "Connection closed by peer"
"""What a process hears, in the middle of a longer message, when another ends that it trains with."""
REMEDIES = {
    errno.ENOSPC: "The disk is full: make room, then run the same command again",
    errno.EDQUOT: "The disk's quota is used up: make room, then run the same command again",
    errno.EACCES: "You have no permission for it: change its permissions, or name another place",
    errno.EPERM: "You have no permission for it: change its permissions, or name another place",
    errno.EROFS: "The disk cannot be written: name another place",
    errno.EISDIR: "It is a folder: name a file",
    errno.ENOTDIR: "Part of the path is a file: name a folder",
    errno.ENOENT: "Nothing is there: correct the path",
    errno.ENAMETOOLONG: "The name is too long: choose a shorter one",
    errno.ELOOP: "Links there lead in a circle: correct them",
}


def is_expected(error: BaseException) -> bool:
    """Whether ``error`` is told in one line (see :data:`EXPECTED`); a GPU without memory counts, and so does a process
    that has left those that train together."""
    return isinstance(error, EXPECTED) or type(error).__name__ == "OutOfMemoryError" or LEFT in str(error)


def explain(error: BaseException) -> str:
    """The error in one line: which file or argument, what was found, what to do."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        remedy = REMEDIES.get(error.errno, "")
        return ". ".join(filter(None, (f"{names}: {error.strerror}" if names else error.strerror, remedy)))
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    if isinstance(error, SafetensorError) and "os error 28" in text:
        return f"{text}. {REMEDIES[errno.ENOSPC]}"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return f"the memory is used up ({text or 'MemoryError'}). Use a smaller train.batch_size or --size"
    if LEFT in text:
        return "another process of this training has ended; the same command goes on from the newest checkpoint"
    return text or type(error).__name__


def report(error: BaseException) -> int:
    """Print an error that is expected, or an interruption; the exit status.

    Of processes that train together the first that fails speaks; their launcher ends the others.

    Raises:
        BaseException: the error itself, where it is not expected or ``VTON_TRACEBACK`` is set.
    """
    if not _speaks():
        return 2
    if isinstance(error, KeyboardInterrupt):
        print(f"interrupted{f': {error}' if str(error) else ''}", file=sys.stderr)
        return 130
    if isinstance(error, BrokenPipeError):  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if not is_expected(error) or os.environ.get(TRACEBACK):
        raise error
    count, rank = os.environ.get("WORLD_SIZE", "1"), os.environ.get("RANK", "0")
    where = "" if count == "1" else f" (process {rank} of {count})"
    print(f"error: {explain(error)}{where}", file=sys.stderr, flush=True)
    return 2


def _speaks() -> bool:
    """Whether this process is the one of those that train together that tells of an error.

    Before they know of each other all fail alike, so the main process does; later, the first that fails.
    """
    distributed = sys.modules.get("torch.distributed")  # torch is not imported for an error's sake
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return os.environ.get("RANK", "0") == "0"
    try:
        return bool(distributed.distributed_c10d._get_default_store().add("vtonlib/errors", 1) == 1)
    except RuntimeError:  # the store is gone with a process that has spoken
        return False


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print what a caller is warned of inside, each once, without the line of code that warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {text}", file=sys.stderr)
