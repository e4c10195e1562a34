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
    """Whether ``error`` is told in one line (see :data:`EXPECTED`); a GPU without memory counts."""
    return isinstance(error, EXPECTED) or type(error).__name__ == "OutOfMemoryError"


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
    return text or type(error).__name__


def report(error: BaseException) -> int:
    """Print an error that is expected, or an interruption; the exit status.

    Raises:
        BaseException: the error itself, where it is not expected or ``VTON_TRACEBACK`` is set.
    """
    if isinstance(error, KeyboardInterrupt):
        print(f"interrupted{f': {error}' if str(error) else ''}", file=sys.stderr)
        return 130
    if isinstance(error, BrokenPipeError):  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if not is_expected(error) or os.environ.get(TRACEBACK):
        raise error
    print(f"error: {explain(error)}", file=sys.stderr)
    return 2


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print what a caller is warned of inside, each once, without the line of code that warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {text}", file=sys.stderr)
