"""What the worker's tests share: small real models, and a client that is always closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agx.requests import LoadOptions, LoadRequest
from agx.worker.client import WorkerClient
from tests.tiny_gguf import TinyModel, write_tiny_gguf

CONTEXT_TOKENS = 40_000
NUM_SLOW_TOKENS = 150_000


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model with a context long enough for a prefill and a generation of many seconds."""
    model = TinyModel(merges=False, context_length=CONTEXT_TOKENS)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf", model)


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model whose vocabulary takes long enough to load that a signal comes in between."""
    model = TinyModel(more_control=tuple(f"<|{number}|>" for number in range(NUM_SLOW_TOKENS)))
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "slow.gguf", model)


@pytest.fixture(scope="session")
def tiny_load(tiny_model: Path) -> LoadRequest:
    """Return the request that loads it whole."""
    return LoadRequest(str(tiny_model), LoadOptions(device="cpu", context_size=CONTEXT_TOKENS, threads=1))


@pytest.fixture
async def one_by_one(tiny_load: LoadRequest) -> AsyncIterator[WorkerClient]:
    """Return a client whose worker writes one text at a time."""
    client = WorkerClient(replace(tiny_load, options=replace(tiny_load.options, sequences=1)))
    yield client
    await client.aclose()


@pytest.fixture
async def client(tiny_load: LoadRequest) -> AsyncIterator[WorkerClient]:
    """Return a client whose worker is not started yet."""
    client = WorkerClient(tiny_load)
    yield client
    await client.aclose()
