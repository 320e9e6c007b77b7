"""Ending work cleanly when this process is told to end: by SIGTERM, or by a terminal that closes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_T = TypeVar("_T")


async def until_signal(work: Coroutine[Any, Any, _T]) -> _T:
    """Return what the work gives. A signal cancels it, and once it has ended raises `SystemExit` (128 + n).

    A second signal does not wait. Ctrl-C needs nothing of this: asyncio cancels the work itself. A
    signal that is ignored, as SIGHUP under `nohup`, stays ignored.
    """
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
