"""Reading calls out of a text while it is written: what may be one is held back, the rest passes."""

from __future__ import annotations

from agx.toolcalls.all_formats import PYTHON_TAG, formats_of, read_calls
from agx.toolcalls.formats import Call
from agx.toolcalls.found import Schemas

# As the first thing of a text, an object or a list may be a call in any format, fenced or not.
_FIRST = ("{", "[", "```json")


class CallReader:
    """Splits a text into its words and its calls, fed in pieces of any size.

    From the first beginning of a call on, the text is held back. Where it turns out to hold no call, it is
    text after all. `name` is the format that the model was taught; None looks for all of them.
    """

    def __init__(self, schemas: Schemas | None = None, *, name: str | None = None) -> None:
        self._schemas = schemas or {}
        self._name = name
        begins = {mark for each in formats_of(name) for mark in each.begins_with}
        self._openings = (*sorted(begins), PYTHON_TAG)
        self._held = ""
        self._is_in_call = False
        self._has_begun = False

    def feed(self, piece: str) -> str:
        """Take the next piece, and return the text that is certainly none of a call."""
        self._held += piece
        if self._is_in_call:
            return ""
        if not self._has_begun:
            stripped = self._held.lstrip()
            if not stripped or any(each.startswith(stripped) for each in _FIRST):
                return ""
            self._has_begun = True
            if stripped.startswith(_FIRST):
                self._is_in_call = True
                return ""
        found = [at for at in map(self._held.find, self._openings) if at >= 0]
        self._is_in_call = bool(found)
        free = min(found) if found else len(self._held) - self._num_open()
        text, self._held = self._held[:free], self._held[free:]
        return text

    def end(self) -> tuple[str, list[Call]]:
        """Return what was held back: the words in it, and the calls."""
        held, self._held = self._held, ""
        return read_calls(held, self._schemas, name=self._name)

    def _num_open(self) -> int:
        """Return how many characters at the end of what is held may begin an opening."""
        longest = max(map(len, self._openings)) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            if any(opening.startswith(self._held[-size:]) for opening in self._openings):
                return size
        return 0
