"""The vocabulary of a model and the constraint's tokenizer, begun before the model is loaded.

A trie of 150,000 tokens takes as long to build as such a model to load. The file's header has the texts of
the tokens, so a thread builds the trie from them while llama.cpp, which needs no Python, loads the model.
The loaded model has the last word: where its tokens differ, the trie is built again.
"""

from __future__ import annotations

import threading

from agx.engine.vocabulary import Vocabulary
from agx.errors import AgxError
from agx.gguf.reader import Header
from agx.gguf.token_table import TokenTable, read_tokens
from agx.grammar.llguidance import LLTokenizer, constraint_tokenizer

# A thread for less than this would take longer than it saves.
_LARGE_VOCABULARY = 32_768


class EarlyTokenizer:
    """Builds the constraint's tokenizer while a model is loaded; `finish` is called after the load."""

    def __init__(self, header: Header, *, vocab_size: int) -> None:
        self._table: TokenTable | None = None
        self._tokenizer: LLTokenizer | None = None
        self._vocabulary: Vocabulary | None = None
        self._thread: threading.Thread | None = None
        if vocab_size > _LARGE_VOCABULARY:
            self._thread = threading.Thread(
                target=self._build, args=(header,), name="agx-tokenizer", daemon=True
            )
            self._thread.start()

    def finish(self, model_address: int) -> tuple[Vocabulary, LLTokenizer]:
        """Return the loaded model's vocabulary and tokenizer; raises `ModelUnloadable`."""
        if self._thread is not None:
            self._thread.join()
        table, self._table = self._table, None
        vocabulary = self._vocabulary = Vocabulary(model_address, expected=table.pieces if table else None)
        if self._tokenizer is None or not _are_the_same(table, vocabulary):
            self._tokenizer = self._built(vocabulary)
        return vocabulary, self._tokenizer

    def _build(self, header: Header) -> None:
        try:
            self._table = read_tokens(header)
            if self._table is not None:
                self._tokenizer = self._built(self._table)
        except (AgxError, MemoryError, ValueError):
            self._tokenizer = None  # the load itself reports what is wrong

    def _built(self, tokens: TokenTable | Vocabulary) -> LLTokenizer:
        return constraint_tokenizer(
            tokens.pieces, control_ids=tokens.control_ids, end_ids=tokens.end_ids, tokenise=self._tokenise
        )

    def _tokenise(self, text: str) -> list[int]:
        assert self._vocabulary is not None, "a constraint forces nothing before the model is loaded"
        return self._vocabulary.tokenise_exactly(text)


def _are_the_same(table: TokenTable | None, vocabulary: Vocabulary) -> bool:
    return table == TokenTable(vocabulary.pieces, vocabulary.control_ids, vocabulary.end_ids)
