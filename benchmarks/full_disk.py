"""Training on a disk that is full, on one that cannot be written, and into a folder where another one trains.

    OMP_NUM_THREADS=1 python -m benchmarks.full_disk [--sizes 12] [--rounds 8] [--out FILE]

The disk is a file system in memory of its own, seen by one child process alone (Linux, and the right to mount in a new
namespace, which root has). On disks of random sizes that are too small, training must end with one line that says that
the disk is full; after the disk has grown the same command must end with the weights of a run that never met its end.
On one that cannot be written, it must say so in one line. And of two trainings that start at once in one folder, one
must train and the other say in one line that the folder is taken.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.damages import RUNS, call, contents, on
from vtonlib.disk import replace_text

MATCHER = RUNS["matcher"]
NEW_MOUNTS, PRIVATE, READ_ONLY, AGAIN = 0x00020000, (1 << 18) | (1 << 14), 1, 1 << 5
"""CLONE_NEWNS, MS_PRIVATE | MS_REC, MS_RDONLY, MS_REMOUNT."""


def mount(place: Path, flags: int, options: str = "", kind: bytes = b"tmpfs") -> None:
    """mount(2).

    Raises:
        OSError: what the system says.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(kind, str(place).encode(), kind, ctypes.c_ulong(flags), options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(place))


def with_a_disk(place: Path, size: int, work: Callable[[], bool]) -> bool | None:
    """What ``work`` says in a child for whom ``place`` is a disk of ``size`` bytes; None where one may not mount."""
    child = os.fork()
    if not child:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS):
                os._exit(3)
            mount(Path("/"), PRIVATE, kind=b"none")
            mount(place, 0, f"size={size}")
        except OSError:
            os._exit(3)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if status == 3 else status == 0


def told(status: int, out: str, err: str, words: str) -> bool:
    """Whether a command ended with one line that has these words."""
    return status == 2 and len(err.splitlines()) == 1 and words in err and "Traceback" not in out + err


def full(root: Path, size: int, whole: Path) -> bool | None:
    """Train on a disk that is too small, let it grow, train again."""
    place = root / "disk"

    def work() -> bool:
        first = told(*call(on(place / "run", MATCHER), root / "first"), "The disk is full")
        mount(place, AGAIN, "size=100m")
        status, _, err = call(on(place / "run", MATCHER), root / "again")
        same = status == 0 and contents(place / "run" / "final") == contents(whole / "final")
        rest = [path for path in (place / "run").rglob(".*")]
        if not (first and same and not rest):
            print(size, first, status, same, rest, (root / "first.err").read_text(), err, flush=True)
        return first and same and not rest

    return with_a_disk(place, size, work)


def read_only(root: Path) -> bool | None:
    """Train into a new folder, and go on with a run, on a disk that cannot be written."""
    place = root / "disk"

    def work() -> bool:
        call(on(place / "run", MATCHER), root / "first")
        before = contents(place)
        (place / "run" / "final" / "trained.json").unlink()
        mount(place, AGAIN | READ_ONLY)
        ends = [told(*call(on(place / run, MATCHER), root / run), "cannot be written") for run in ("run", "new")]
        return all(ends) and contents(place) == before

    return with_a_disk(place, 100_000_000, work)


def at_once(root: Path, number: int, whole: Path) -> bool:
    """Two trainings start at once; which of them gets the folder is chance."""
    run, children = root / f"both-{number}", []
    for side in "ab":
        child = os.fork()
        if not child:
            status, out, err = call(on(run, MATCHER), root / f"both-{number}-{side}")
            os._exit(0 if status == 0 else 2 if told(status, out, err, "another process is writing there") else 1)
        children.append(child)
    ends = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    # A start so late that the other has ended already finds nothing to do.
    return ends in ([0, 2], [0, 0]) and contents(run / "final") == contents(whole / "final")


def study(root: Path, sizes: int, rounds: int) -> dict[str, int]:
    """Everything; how often it went as it must."""
    whole = root / "whole"
    call(on(whole, MATCHER), root / "plain")
    needed = sum(path.stat().st_size for path in whole.rglob("*"))
    (root / "disk").mkdir()
    moments = random.Random(0)
    pages = [moments.randrange(8, needed // 4096) for _ in range(sizes)]
    ends = [full(root, 4096 * count, whole) for count in pages]
    found = {"full": sum(end is not None for end in ends), "full_clear": sum(end is True for end in ends)}
    end = read_only(root)
    found |= {"read_only": int(end is not None), "read_only_clear": int(end is True)}
    return found | {"at_once": rounds, "at_once_clear": sum(at_once(root, n, whole) for n in range(rounds))}


def main() -> None:
    """Study, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, default=12, help="disks that are too small")
    parser.add_argument("--rounds", type=int, default=8, help="of two trainings at once")
    parser.add_argument("--out", type=Path, help="a file of results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.environ |= {"TQDM_DISABLE": "1", "ACCELERATE_USE_CPU": "1"}
    with tempfile.TemporaryDirectory() as name:
        found = study(Path(name), arguments.sizes, arguments.rounds)
    if arguments.out:
        replace_text(arguments.out, json.dumps({"measured": found}, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
