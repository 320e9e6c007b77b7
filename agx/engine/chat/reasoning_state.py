"""A model's thoughts while they are written: where they begin, where they end, and when they have to.

Tokens go in as they are drawn, and what comes out is to be appended: the token itself, and where the
thoughts begin or end what the template writes there. The markers are found in the text, so it does not
matter whether a vocabulary has one token for a marker or spells it. Nothing here knows the model.

    state      leaves it when                                          for
    undecided  the first token begins the marker that opens thoughts   thinking
    undecided  the first token does anything else                      over: what leads to an answer
    thinking   the end marker, the end of the text, the budget's end   over: the end marker and what follows
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Protocol

from agx.engine.chat.reasoning import Manner, Thinking


class Tokens(Protocol):
    """What is needed of a vocabulary."""

    @property
    def pieces(self) -> Sequence[bytes]:
        """The bytes of each token."""

    @property
    def control_ids(self) -> set[int]:
        """The tokens that no text spells."""

    def tokenise(self, text: str, *, parse_special: bool, goes_on: bool = False) -> list[int]:
        """Return the tokens of a text."""


class Thoughts:
    """The thoughts of one generation, with a budget of tokens for what stands between the markers."""

    def __init__(self, thinking: Thinking, manner: Manner, *, tokens: Tokens, budget: int) -> None:
        self.is_over = False
        self._thinking = thinking
        self._lead = manner.lead
        self._is_open = manner.is_open
        self._tokens = tokens
        self._left = budget
        self._end = thinking.end.encode()
        # The last bytes, which may turn out to be the beginning of the end marker.
        self._held = b""
        self._ends_line = False
        self._shown = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, token: int, *, ends_text: bool) -> list[int]:
        """Take a token that was drawn, and give what is to be appended; nothing where it is refused.

        `ends_text` says that it ends the model's turn: the thoughts end, but the answer is to come.
        """
        piece = self._tokens.pieces[token]
        if not self._is_open:
            return self._opened(token, piece)
        data = self._held + piece
        place = data.find(self._end)
        if place >= 0:
            return self._ended(token, data, place=place)
        if ends_text:
            return self.close()
        self._keep(data, is_text=token not in self._tokens.control_ids)
        self._left -= 1
        return [token] if self._left > 0 else [token, *self.close()]

    def close(self) -> list[int]:
        """End the thoughts here, or leave them out, and give what is to be appended for that."""
        self.is_over = True
        if not self._is_open:
            return self._spelled(self._lead)
        written = self._held.decode(errors="ignore")
        before = "" if written or self._ends_line else self._thinking.before_end
        return self._spelled(before + self._thinking.end[len(written) :] + self._thinking.after_end)

    def read(self) -> str:
        """Return the text of the thoughts that has come since the last call, without the markers."""
        data, self._shown = bytes(self._shown), bytearray()
        return self._decoder.decode(data, final=self.is_over)

    def _opened(self, token: int, piece: bytes) -> list[int]:
        """Follow the model where it begins to think, and write the opening to its end."""
        start, begun = self._thinking.start.encode(), piece.lstrip()
        if not begun or not (start.startswith(begun) or begun.startswith(start)):
            return self.close()
        self._is_open = True
        self._keep(begun[len(start) :], is_text=True)
        return [token, *self._spelled(start[len(begun) :].decode(errors="ignore"))]

    def _ended(self, token: int, data: bytes, *, place: int) -> list[int]:
        """Write the end of the thoughts as the template does, whatever the token has behind it."""
        self.is_over = True
        self._shown += data[:place]
        stop = place + len(self._end)
        if stop == len(data):
            return [token, *self._spelled(self._thinking.after_end)]
        rest = data[len(self._held) : stop].decode(errors="ignore")
        return self._spelled(rest + self._thinking.after_end)

    def _keep(self, data: bytes, *, is_text: bool) -> None:
        """Show what cannot belong to the end marker, and hold the rest."""
        if not is_text:
            self._shown += self._held
            self._held = b""
            return
        num_held = max(
            (size for size in range(1, len(self._end)) if data.endswith(self._end[:size])), default=0
        )
        shown = len(data) - num_held
        self._shown += data[:shown]
        self._held = data[shown:]
        self._ends_line = data[:shown].endswith(b"\n") or (self._ends_line and shown == 0)

    def _spelled(self, text: str) -> list[int]:
        return self._tokens.tokenise(text, parse_special=True, goes_on=True) if text else []
