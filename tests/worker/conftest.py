"""What the worker's tests share: small real models, and a client that is always closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agx.worker.client import WorkerClient
from agx.worker.protocol import LoadRequest
from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a context long enough for a prefill and a generation of many seconds."""
    model = TinyModel(merges=False, context_length=40_000)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf", model)


@pytest_asyncio.fixture
async def client(tiny_model: Path) -> AsyncIterator[WorkerClient]:
    """A client whose worker is not started yet."""
    client = WorkerClient(LoadRequest(str(tiny_model), device="cpu", threads=1))
    yield client
    await client.aclose()
