"""A draft that a text is likely to repeat: followed token by token, and looked up ahead; pure.

While the text repeats the draft, the draft says which token to expect. Where the text departs from it, the
position is lost. It is found again where the last few tokens of the text occur in the draft. Where the draft
is over, it says that the text is over, too.

What comes next in the draft is guessed, and decoded together with the token before it: a batch of a few
tokens costs little more than one token. The guesses are then confirmed one by one by what is drawn, and the
rest is thrown away, so the text is the one that would be written without guessing.
"""

from __future__ import annotations

from collections.abc import Sequence

# How many tokens must agree before the text counts as back in the draft.
_NUM_AGREEING = 4
# How many tokens are guessed at once: more each time that all were right, and few after a mistake.
_FEWEST_GUESSES = 4
MOST_GUESSES = 16


class DraftCursor:
    """The position of a text in its draft."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = list(tokens)
        self._at: int | None = 0
        self._left_at = 0
        self._recent: list[int] = []
        self._num_guesses = _FEWEST_GUESSES

    @property
    def next_token(self) -> int | None:
        """The next token of the draft; None at its end, and while the position is lost."""
        if self._at is None or self._at == len(self._tokens):
            return None
        return self._tokens[self._at]

    @property
    def is_at_end(self) -> bool:
        """Whether the text has repeated the draft to its end; never so for an empty one."""
        return self._at == len(self._tokens) > 0

    def guess(self, room: int) -> list[int]:
        """Return the tokens that are likely to come next, at most `room` of them."""
        if self._at is None:
            return []
        return self._tokens[self._at : self._at + min(self._num_guesses, room)]

    def learn(self, *, num_guessed: int, num_right: int) -> None:
        """Note how many of the last guesses were right."""
        was_right = num_right == num_guessed
        self._num_guesses = min(2 * self._num_guesses, MOST_GUESSES) if was_right else _FEWEST_GUESSES

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
