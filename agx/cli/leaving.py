"""Leaving at once on an interrupt, for stretches in which nothing has to be cleaned up.

While modules are imported, Python would print a traceback of an interrupt, or lose it: one that hits a
callback of the import system is ignored, and what somebody has said no to would go on.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_STDERR = 2


@contextmanager
def left_at_once() -> Iterator[None]:
    """Let an interrupt end the process at once (130), where interrupts are not ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    if os.isatty(_STDERR):
        os.write(_STDERR, b"\n")  # what a shell writes next begins a line
    os._exit(128 + number)
