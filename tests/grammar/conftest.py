"""A constraint compiler for the vocabulary of a tiny model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from agx.engine.model import Model
from agx.grammar.constraint import ConstraintCompiler
from agx.requests import LoadOptions
from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """Return the tiny model whose vocabulary the constraints are compiled for."""
    file = write_tiny_gguf(tmp_path_factory.mktemp("grammar") / "tiny.gguf", TinyModel())
    model = Model(str(file), LoadOptions(device="cpu"))
    yield model
    model.close()


@pytest.fixture(scope="session")
def compiler(model: Model) -> ConstraintCompiler:
    """Return a compiler for that vocabulary."""
    return model.compiler


@pytest.fixture(scope="session")
def tokenise(model: Model) -> Callable[[str], list[int]]:
    """Text to the tokens of that vocabulary."""
    return lambda text: model.vocabulary.tokenise(text, parse_special=False)
