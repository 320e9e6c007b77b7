"""llguidance: what is used of its compiled module, and its view of a llama.cpp vocabulary.

The package around the module is not imported: it would load much that is not used here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from agx.util.imports import bare_package

with bare_package("llguidance"):
    from llguidance._lib import LLMatcher, LLParserLimits, LLTokenizer, get_version

__all__ = ["LLMatcher", "LLParserLimits", "LLTokenizer", "version"]


# Parts of the trie that llguidance walks in advance; they are of no use for bounded strings such as ours.
_NO_SLICES: list[str] = []
# A longer piece makes llguidance panic; an empty one is never allowed.
_MAX_PIECE_BYTES = 1024

Tokenise = Callable[[str], list[int]]


def version() -> str:
    """Return llguidance's version, which it writes as `llguidance@1.9.1 derivre@0.3.13`."""
    first = get_version().split()[0]
    return first.removeprefix("llguidance@")


def constraint_tokenizer(
    pieces: Sequence[bytes], *, control_ids: Collection[int], end_ids: Collection[int], tokenise: Tokenise
) -> LLTokenizer:
    """Return the tokenizer that constraints are compiled for; slow for large vocabularies, so keep it.

    Args:
        pieces: the bytes of each token, by id; one of more than a kilobyte is never written.
        control_ids: the tokens that no text spells.
        end_ids: the tokens that end a generation, at least one.
        tokenise: gives the tokens of a text that goes on, as the model's own tokenizer would; it is
            called when a constraint forces a text, never before, and may not raise.
    """
    vocabulary = _Vocabulary(pieces, control_ids, end_ids, tokenise)
    tokenizer = LLTokenizer(cast("Any", vocabulary), eos_token=sorted(end_ids), slices=_NO_SLICES)
    # It keeps the vocabulary to tokenise with, and has a trie of the pieces.
    vocabulary.tokens = []
    return tokenizer


class _Vocabulary:
    """What llguidance asks of a tokenizer (its `TokenizerWrapper`)."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(
        self,
        pieces: Sequence[bytes],
        control_ids: Collection[int],
        end_ids: Collection[int],
        tokenise: Tokenise,
    ) -> None:
        self.tokens = [piece if len(piece) <= _MAX_PIECE_BYTES else b"" for piece in pieces]
        self.special_token_ids = sorted(control_ids)
        self.eos_token_id = min(end_ids)
        self._tokenise = tokenise

    def __call__(self, text: str) -> list[int]:
        return self._tokenise(text)
