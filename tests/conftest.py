"""What all tests need."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Iterator
from typing import Any

# The engine takes parts of jinja2 without its package, which suits a process of its own. Tests run
# it beside libraries that want the whole package, so that has to be there first.
import jinja2.ext
import pytest

assert jinja2.ext


@pytest.fixture(autouse=True, scope="session")
def _heard_signals() -> None:
    """Let what tests start hear signals: behind a shell's `&` or `nohup` all of them would ignore these."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests store out of the home of whoever runs them, and their terminal's width out of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        patch.setenv("AGX_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def _closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing out: a test may talk to this machine only."""
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = str(address[0])
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"a test wants to connect to {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked)
