"""The reasoning of one generation, token by token: where it begins, where it ends, and when it has to.

Drawn tokens go in; tokens to append come out. Those are the drawn token itself and, where reasoning begins
or ends, what the template writes there. Markers are looked for in the text, so a vocabulary may have one
token for a marker or spell it. Nothing here knows the model.

    state      event                                                next state, and what is appended
    undecided  the first token begins the start marker              reasoning: the rest of the marker
    undecided  the first token is any other                         over: what leads to an answer
    reasoning  the end marker, the end of the text, an empty budget over: the end marker and what follows
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Protocol

from agx.engine.chat.reasoning import ReasoningMarkers, TurnOpening


class Tokens(Protocol):
    """The part of a vocabulary that is needed here."""

    @property
    def pieces(self) -> Sequence[bytes]:
        """The bytes of each token."""

    @property
    def control_ids(self) -> set[int]:
        """The tokens that no text spells."""

    def tokenise(self, text: str, *, parse_special: bool, goes_on: bool = False) -> list[int]:
        """Return the tokens of a text."""


class ReasoningState:
    """Where a generation is in its reasoning; `budget` counts the tokens between the markers."""

    def __init__(
        self, markers: ReasoningMarkers, opening: TurnOpening, *, tokens: Tokens, budget: int
    ) -> None:
        self.is_over = False
        self._markers = markers
        self._lead = opening.lead
        self._is_open = opening.is_open
        self._tokens = tokens
        self._left = budget
        self._end = markers.end.encode()
        # The last bytes, which may turn out to be the beginning of the end marker.
        self._held = b""
        self._ends_line = False
        self._released = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, token: int, *, ends_text: bool) -> list[int]:
        """Take a drawn token and return what is to be appended, without it where it is refused.

        `ends_text`: the token ends the model's turn. The reasoning ends; the answer is still to come.
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
        """End the reasoning here, or leave it out, and return what is to be appended for that."""
        self.is_over = True
        if not self._is_open:
            return self._spelled(self._lead)
        written = self._held.decode(errors="ignore")
        before = "" if written or self._ends_line else self._markers.before_end
        return self._spelled(before + self._markers.end[len(written) :] + self._markers.after_end)

    def read(self) -> str:
        """Return the reasoning that was written since the last call, without the markers."""
        data, self._released = bytes(self._released), bytearray()
        return self._decoder.decode(data, final=self.is_over)

    def _opened(self, token: int, piece: bytes) -> list[int]:
        """Follow the model where it begins to reason, and complete the start marker."""
        start, begun = self._markers.start.encode(), piece.lstrip()
        if not begun or not (start.startswith(begun) or begun.startswith(start)):
            return self.close()
        self._is_open = True
        self._keep(begun[len(start) :], is_text=True)
        return [token, *self._spelled(start[len(begun) :].decode(errors="ignore"))]

    def _ended(self, token: int, data: bytes, *, place: int) -> list[int]:
        """End the reasoning as the template does, whatever the token has behind the marker."""
        self.is_over = True
        self._released += data[:place]
        stop = place + len(self._end)
        if stop == len(data):
            return [token, *self._spelled(self._markers.after_end)]
        rest = data[len(self._held) : stop].decode(errors="ignore")
        return self._spelled(rest + self._markers.after_end)

    def _keep(self, data: bytes, *, is_text: bool) -> None:
        """Release what cannot belong to the end marker, and hold the rest back."""
        if not is_text:
            self._released += self._held
            self._held = b""
            return
        num_held = max(
            (size for size in range(1, len(self._end)) if data.endswith(self._end[:size])), default=0
        )
        released = len(data) - num_held
        self._released += data[:released]
        self._held = data[released:]
        self._ends_line = data[:released].endswith(b"\n") or (self._ends_line and released == 0)

    def _spelled(self, text: str) -> list[int]:
        return self._tokens.tokenise(text, parse_special=True, goes_on=True) if text else []
