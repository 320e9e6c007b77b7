"""A draft that a text is likely to repeat, followed token by token; pure.

While the text goes along the draft, the draft's next token is known. Where the text departs from it,
the place is lost, and found again where the last few tokens stand in the draft.
"""

from __future__ import annotations

from collections.abc import Sequence

# How many tokens have to agree before the text is taken to be back in the draft.
_NUM_AGREEING = 4


class DraftCursor:
    """Where a text is in its draft."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = list(tokens)
        self._at: int | None = 0
        self._left_at = 0
        self._recent: list[int] = []

    @property
    def next_token(self) -> int | None:
        """The token that comes next in the draft; None where the text is not in it."""
        if self._at is None or self._at >= len(self._tokens):
            return None
        return self._tokens[self._at]

    def take(self, token: int) -> None:
        """Note the text's next token."""
        self._recent = [*self._recent[1 - _NUM_AGREEING :], token]
        if self._at is not None and token == self.next_token:
            self._at += 1
            return
        if self._at is not None:
            self._left_at = self._at
        self._at = self._found_again()

    def _found_again(self) -> int | None:
        """Return the place after the recent tokens, the one nearest to where the text left the draft."""
        size = len(self._recent)
        if size < _NUM_AGREEING:
            return None
        ends = [
            start + size
            for start in range(len(self._tokens) - size + 1)
            if self._tokens[start : start + size] == self._recent
        ]
        return min(ends, key=lambda end: abs(end - self._left_at)) if ends else None
