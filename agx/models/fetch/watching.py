"""Telling whoever wants to know how a transfer goes."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Whoever wants to know how a transfer goes. Calls never overlap."""

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        """Hear that a file is fetched, or read to be checked, and how much of it is there."""

    def received(self, num_bytes: int) -> None:
        """Hear that more of it has come, or has been read."""

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        """Hear why nothing comes, and in how many seconds it is tried again."""

    def checking(self) -> None:
        """Hear that all of it is there; what is left is to read it through."""

    def tick(self) -> None:
        """Hear that a fraction of a second has passed."""

    def note(self, sentence: str) -> None:
        """Hear what a person should know."""

    def finished(self) -> None:
        """Hear that the file is done, or given up."""


class Silent:
    """A watcher that does nothing."""

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        """See `Watcher`."""

    def received(self, num_bytes: int) -> None:
        """See `Watcher`."""

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        """See `Watcher`."""

    def checking(self) -> None:
        """See `Watcher`."""

    def tick(self) -> None:
        """See `Watcher`."""

    def note(self, sentence: str) -> None:
        """See `Watcher`."""

    def finished(self) -> None:
        """See `Watcher`."""
