"""A hub on loopback, and a model on it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.hub_server import HubServer
from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer().running() as server:
        yield server


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a small model that can be loaded."""
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf", TinyModel()).read_bytes()


@pytest.fixture(scope="session")
def large_gguf(tiny_gguf: bytes) -> bytes:
    """Return a model of 20 MB, most of which is behind its tensors."""
    return tiny_gguf + random.Random(1).randbytes(20_000_000)
