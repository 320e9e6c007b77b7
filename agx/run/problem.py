"""What keeps one task from running, before it is known which plan and which record it belongs to."""

from __future__ import annotations


class Problem(Exception):
    """A sentence about one task, and a hint that says what to do; it ends as a `TaskFailed`."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
