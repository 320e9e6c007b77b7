"""Servers and backends for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from agx.backends.openai.backend import OpenAIBackend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.backends.specs import Attachments
from tests.openai_server import Behaviour, OpenAIServer, openai_server


class Serve(Protocol):
    """Starts a server that is like the behaviour."""

    def __call__(self, behaviour: Behaviour | None = None) -> OpenAIServer: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")
    with ExitStack() as stack:

        def start(behaviour: Behaviour | None = None) -> OpenAIServer:
            return stack.enter_context(openai_server(behaviour))

        yield start


def backend_of(server: OpenAIServer, warnings: list[str] | None = None, **endpoint: object) -> OpenAIBackend:
    """Make a backend for a server; warnings are kept in the list."""
    spec = OpenAISpec("scripted", Endpoint(server.url, **endpoint))  # type: ignore[arg-type]  # its fields
    return OpenAIBackend(spec, Attachments(on_warning=None if warnings is None else warnings.append))
