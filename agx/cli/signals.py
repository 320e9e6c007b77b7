"""What an interrupt or another signal does to the process while AGX works.

While modules are imported, Python would print a traceback of an interrupt, or lose it: one that hits a
callback of the import system is ignored, and what somebody has said no to would go on. Nothing has to be
cleaned up then, so the process is left at once. Later work is cancelled, and ends cleanly.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, TypeVar

_STDERR = 2
_T = TypeVar("_T")


@contextmanager
def left_at_once() -> Iterator[None]:
    """Let an interrupt or a SIGTERM end the process at once (128 + n), where it is not ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heeded = [number for number, old in before.items() if old is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    if number == signal.SIGINT and os.isatty(_STDERR):
        os.write(_STDERR, b"\n")  # what a shell writes next begins a line
    os._exit(128 + number)


async def until_signal(work: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of the work; after a signal has ended it raise `SystemExit` (128 + n).

    SIGTERM cancels the work, and so does SIGHUP, when a terminal closes; a second signal does not wait.
    Ctrl-C needs nothing of this: asyncio cancels the work itself. A signal that is ignored, as SIGHUP is
    under `nohup`, stays ignored.
    """
    import asyncio  # noqa: PLC0415  this module is imported first of all

    task = asyncio.ensure_future(work)
    heard: list[int] = []

    def stop(number: int) -> None:
        heard.append(number)
        if len(heard) > 1:
            sys.exit(128 + number)
        task.cancel()

    with _handled((signal.SIGTERM, signal.SIGHUP), stop):
        try:
            return await task
        except asyncio.CancelledError:
            if heard:
                sys.exit(128 + heard[0])
            raise


@contextmanager
def _handled(numbers: tuple[signal.Signals, ...], handler: Callable[[int], None]) -> Iterator[None]:
    import asyncio  # noqa: PLC0415  as above

    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in numbers}
    mine = [number for number, old in before.items() if old is not signal.SIG_IGN]
    for number in mine:
        loop.add_signal_handler(number, handler, number)
    try:
        yield
    finally:
        for number in mine:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
