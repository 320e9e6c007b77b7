"""The tokens of one generation to text, as they come."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterable, Sequence


class TextDecoder:
    """Tokens to text, piece by piece: a character comes out with its last byte, hidden tokens never."""

    def __init__(self, pieces: Sequence[bytes], hidden_ids: Collection[int]) -> None:
        self._pieces = pieces
        self._hidden_ids = hidden_ids
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, tokens: Iterable[int], *, is_final: bool = False) -> str:
        """Return the text that these tokens complete; `is_final` turns half a character into U+FFFD."""
        data = b"".join(self._pieces[token] for token in tokens if token not in self._hidden_ids)
        return self._decoder.decode(data, is_final)
