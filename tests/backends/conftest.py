"""What the backends' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model with a context long enough for a generation of many seconds."""
    model = TinyModel(merges=False, context_length=40_000)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf", model)
