"""Real vocabularies, loaded without a model around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agx.engine.native import lib
from agx.engine.vocabulary import Vocabulary
from tests.architectures.vocabularies import FOLDER, file

# Those that can write a plan; the one left over is an encoder's.
GENERATIVE = ("gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2")
ENCODER = "bert-bge"

needs_vocabularies = pytest.mark.skipif(not FOLDER.exists(), reason=f"no vocabularies at {FOLDER}")


@contextmanager
def loaded(path: Path) -> Iterator[int]:
    """Return the address of a model of which only the vocabulary is loaded."""
    parameters = lib.llama_model_default_params()
    parameters.vocab_only = True
    address = lib.llama_model_load_from_file(str(path).encode(), parameters)
    assert address
    try:
        yield address
    finally:
        lib.llama_model_free(address)


@contextmanager
def vocabulary(name: str) -> Iterator[Vocabulary]:
    with loaded(file(name)) as address:
        yield Vocabulary(address)
