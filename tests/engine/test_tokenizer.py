"""The constraint's tokenizer from a header: the same as from the loaded model, or not used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agx.engine import tokenizer
from agx.engine.tokenizer import EarlyTokenizer
from agx.engine.vocabulary import Vocabulary
from agx.gguf.reader import read_header
from agx.grammar.constraint import ConstraintCompiler
from agx.grammar.llguidance import LLTokenizer
from tests.architectures.vocabularies import file, vocabulary
from tests.architectures.writer import write_model
from tests.engine.real_vocabularies import loaded, needs_vocabularies

LARGE = 1_000_000
CONTROL = 3


def written(folder: Path, *added: str) -> Path:
    """Write a model with a vocabulary of bytes and more control tokens."""
    tokens = vocabulary("bytes")
    texts, types = [*tokens.texts, *map(str.encode, added)], [*tokens.types, *[CONTROL] * len(added)]
    more = replace(tokens, texts=texts, types=types)
    return write_model(folder / "model.gguf", "llama", quantisation="F16", tokens=more)


def finished(path: Path, *, vocab_size: int = LARGE) -> tuple[Vocabulary, LLTokenizer, bool]:
    """Return vocabulary and tokenizer, and whether the one that was begun early was taken."""
    early = EarlyTokenizer(read_header(path), vocab_size=vocab_size)
    with loaded(path) as address:
        if early._thread is not None:
            early._thread.join()
        begun = early._tokenizer
        tokens, built = early.finish(address)
        assert Vocabulary(address).pieces == tokens.pieces
    return tokens, built, built is begun


@needs_vocabularies
@pytest.mark.parametrize("name", ["gpt-2", "llama-spm", "phi-3", "llama-bpe", "qwen2"])
def test_of_real_vocabularies_the_early_tokenizer_is_taken(name: str) -> None:
    tokens, built, was_early = finished(file(name))
    assert was_early
    assert built.vocab_size == len(tokens)
    assert set(built.eos_tokens) == tokens.end_ids


def test_for_a_small_vocabulary_no_thread_is_worth_it(tmp_path: Path) -> None:
    tokens, built, was_early = finished(written(tmp_path), vocab_size=300)
    assert not was_early
    assert built.vocab_size == len(tokens)


def test_what_llama_cpp_makes_of_a_token_counts(tmp_path: Path) -> None:
    """It takes this control token for text, for some models' sake; a plan may then spell it."""
    path = written(tmp_path, "<|channel|>")
    early = EarlyTokenizer(read_header(path), vocab_size=LARGE)
    with loaded(path) as address:
        tokens, built = early.finish(address)
        channel = tokens.pieces.index(b"<|channel|>")
        assert channel not in tokens.control_ids
        assert not built.is_special_token(channel)
        constraint = ConstraintCompiler(built).compile({"const": "<|channel|>"})
        forced = constraint.take_forced()
        assert constraint.is_finished
        assert channel in forced


def test_an_end_that_nobody_knew_of_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agx.gguf.token_table._END_TEXTS", frozenset())
    tokens, built, was_early = finished(written(tmp_path, "<|eot_id|>"))
    assert not was_early
    assert set(built.eos_tokens) == tokens.end_ids == {256, 259}


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError()])
def test_what_goes_wrong_early_is_done_again_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_header: object) -> None:
        raise error

    monkeypatch.setattr(tokenizer, "read_tokens", fail)
    tokens, built, was_early = finished(written(tmp_path))
    assert not was_early
    assert built.vocab_size == len(tokens) == 259
