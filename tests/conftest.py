"""What holds in every test: shapes are checked, one thread computes, no bar is drawn, no connection is made."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

os.environ |= {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"}

import jaxtyping

# Before the first import of vtonlib: every call of these parts is checked against the shapes in its signature.
CHECKED = [
    "vtonlib.grids",
    "vtonlib.images",
    "vtonlib.thin_plate",
    "vtonlib.attention",
    "vtonlib.data",
    "vtonlib.losses",
    "vtonlib.evaluation",
]
jaxtyping.install_import_hook(CHECKED, "typechecker.checked")

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """For tests of the library's own errors about shapes: elsewhere the check of the signature speaks first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


class ConnectionAttempted(RuntimeError):
    """A test, or the library under test, tried to reach another machine."""


def _is_local(address: Any) -> bool:
    return not isinstance(address, tuple) or address[0] in {"localhost", "127.0.0.1", "::1", "", None}


@pytest.fixture(scope="session", autouse=True)
def no_connection_leaves_the_machine() -> Iterator[None]:
    """Refuse name look-ups and connections, except to this machine (notebooks' kernels need those)."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not _is_local(address):
            raise ConnectionAttempted(f"connection to {address}")
        connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local((host,)):
            raise ConnectionAttempted(f"look-up of {host}")
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Below the results: what the built site weighs, where test_site.py has measured it."""
    for report in terminalreporter.getreports("passed"):
        for name, pages in report.user_properties:
            if name == "page weight":
                terminalreporter.section("page weight: all in all, of it explorers", sep="-")
                for total, explorers, page in sorted(pages, reverse=True)[:5]:
                    terminalreporter.write_line(f"{total / 1e6:6.2f} MB {explorers / 1e3:6.0f} kB  {page}")
