"""A draft that a text is likely to repeat, followed token by token; pure.

While the text repeats the draft, the draft says which token to expect. Where the text departs from it, the
position is lost. It is found again where the last few tokens of the text occur in the draft.
"""

from __future__ import annotations

from collections.abc import Sequence

# How many tokens must agree before the text counts as back in the draft.
_NUM_AGREEING = 4


class DraftCursor:
    """The position of a text in its draft."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = list(tokens)
        self._at: int | None = 0
        self._left_at = 0
        self._recent: list[int] = []

    @property
    def next_token(self) -> int | None:
        """The next token of the draft; None while the position is lost."""
        if self._at is None or self._at >= len(self._tokens):
            return None
        return self._tokens[self._at]

    def take(self, token: int) -> None:
        """Advance by the next token of the text."""
        self._recent = [*self._recent[1 - _NUM_AGREEING :], token]
        if self._at is not None and token == self.next_token:
            self._at += 1
            return
        if self._at is not None:
            self._left_at = self._at
        self._at = self._found_again()

    def _found_again(self) -> int | None:
        """Return the position behind the recent tokens that is nearest to where the text left the draft."""
        size = len(self._recent)
        if size < _NUM_AGREEING:
            return None
        ends = [
            start + size
            for start in range(len(self._tokens) - size + 1)
            if self._tokens[start : start + size] == self._recent
        ]
        return min(ends, key=lambda end: abs(end - self._left_at)) if ends else None
