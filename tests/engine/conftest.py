"""Engines with tiny random-weight models, written once for the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agx.engine import native
from agx.engine.loop import Engine
from agx.requests import LoadOptions
from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture(scope="session", autouse=True)
def _own_log() -> None:
    """Take llama.cpp's log back: importing llama_cpp as a whole, as another test does, takes it away."""
    native.lib.llama_log_set(native._log_callback, None)


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[TinyModel], Path]:
    """Return the file of a tiny model, which is written when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")
    written: dict[TinyModel, Path] = {}

    def file(model: TinyModel) -> Path:
        if model not in written:
            written[model] = write_tiny_gguf(folder / f"tiny{len(written)}.gguf", model)
        return written[model]

    return file


@pytest.fixture
def load(tiny_file: Callable[[TinyModel], Path]) -> Iterator[Callable[[TinyModel], Engine]]:
    """Return engines that have loaded a tiny model; they are closed after the test."""
    engines: list[Engine] = []

    def loaded(model: TinyModel) -> Engine:
        engines.append(Engine())
        engines[-1].load(str(tiny_file(model)), LoadOptions(device="cpu", threads=1))
        return engines[-1]

    yield loaded
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(load: Callable[[TinyModel], Engine]) -> Engine:
    """Return an engine with the plainest tiny model."""
    return load(TinyModel())
