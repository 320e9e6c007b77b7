"""An event loop beside a program that waits: for the sides of our values that are not async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

_CANCEL_SECS = 5.0
_T = TypeVar("_T")


class LoopThread:
    """An event loop in a thread of its own; a context manager."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return the result of the work; an interrupt, which only the waiting thread hears, cancels it."""
        is_over = threading.Event()

        async def watched() -> _T:
            try:
                return await work
            finally:
                is_over.set()

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                is_over.wait(timeout=_CANCEL_SECS)
            raise
