"""Stop sequences: the text ends before the first of them, wherever the borders of its tokens are; pure."""

from __future__ import annotations

from collections.abc import Sequence


class StopFinder:
    """Takes a text in pieces, and gives back what stands before a stop sequence.

    What may begin one is held back until it is known. `has_stopped` says that one was found.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.has_stopped = False

    def feed(self, piece: str, *, is_final: bool = False) -> str:
        """Return the text that certainly is before a stop sequence; all of it at the end."""
        if self.has_stopped:
            return ""
        self._held += piece
        found = [at for at in map(self._held.find, self._stops) if at >= 0]
        self.has_stopped = bool(found)
        free = min(found) if found else len(self._held) if is_final else len(self._held) - self._num_open()
        text, self._held = self._held[:free], self._held[free:]
        return text

    def _num_open(self) -> int:
        longest = max(map(len, self._stops), default=1) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-size:]) for stop in self._stops):
                return size
        return 0
