"""Reading calls out of a text while it is written: what may be one is held back, the rest passes."""

from __future__ import annotations

from agx.errors import PlanInvalid
from agx.toolcalls.formats import Call
from agx.toolcalls.reading import calls_in

# What a call may begin with, wherever it stands in a text.
_OPENINGS = ("<tool_call>", "<|python_tag|>", "[TOOL_CALLS]", "```json")
# As the first thing of a text, an object or a list may be one, too.
_FIRST = ("{", "[")


class CallReader:
    """Splits a text into its words and its calls, fed in pieces of any size.

    From the first beginning of a call on, the text is held back. Where it turns out to hold no call, it is
    text after all.
    """

    def __init__(self) -> None:
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
            if not stripped:
                return ""
            self._has_begun = True
            if stripped.startswith(_FIRST):
                self._is_in_call = True
                return ""
        found = [at for at in map(self._held.find, _OPENINGS) if at >= 0]
        if found:
            self._is_in_call = True
        free = min(found) if found else len(self._held) - _num_open(self._held)
        text, self._held = self._held[:free], self._held[free:]
        return text

    def end(self) -> tuple[str, list[Call]]:
        """Return what was held back as text, or else as calls."""
        held, self._held = self._held, ""
        if not self._is_in_call:
            return held, []
        try:
            calls = calls_in(held)
        except PlanInvalid:  # one breaks off
            return held, []
        return ("", calls) if calls else (held, [])


def _num_open(text: str) -> int:
    """Return how many characters at the end of a text may begin an opening."""
    longest = max(map(len, _OPENINGS)) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(opening.startswith(text[-size:]) for opening in _OPENINGS):
            return size
    return 0
