"""Memory that is kept: counted in the pages that the system has to hand out anew."""

import ctypes
import subprocess
import sys

import pytest

from vtonlib.memory import keep_freed_memory

PROGRAM = """
import ctypes, resource, sys
from vtonlib.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
c.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def fill():
    place = c.malloc(2**25)
    c.memset(place, 1, 2**25)
    c.free(place)
for _ in range(4):
    fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

on_linux = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="a setting of glibc"
)


def faults(how: str) -> int:
    """Pages that a process of its own was given while it filled and freed the same 32 MiB eight times."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@on_linux
def test_what_was_freed_is_used_again():
    kept, plain = faults("keep"), faults("plain")
    if plain < 8 * 16:
        pytest.skip(f"this system has pages so large, or keeps memory by itself, that only {plain} were taken anew")
    assert kept < plain / 20


@on_linux
def test_it_is_done_once():
    assert keep_freed_memory() and keep_freed_memory.cache_info().currsize == 1


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("nothing of the C library is asked for"))
    assert keep_freed_memory.__wrapped__() is False


@pytest.mark.skipif(sys.platform != "linux", reason="of C libraries on Linux")
@pytest.mark.parametrize("library", [object(), type("Library", (), {"mallopt": staticmethod(lambda *_: 0)})()])
def test_a_c_library_that_cannot_says_no(monkeypatch, library):
    """One without the setting (musl), and one that refuses it."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert keep_freed_memory.__wrapped__() is False
