"""Who may be in the worker together: anybody, except a request that may have ended a worker.

A death with several requests at work is blamed on all of them, since each may be its cause. Those that come
again are let in one at a time: the next death then has one cause, and the others are cleared.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Company:
    """A room that suspects enter alone. All wait in the order they came."""

    def __init__(self) -> None:
        self._num_inside = 0
        self._is_closed = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    async def enter(self, *, alone: bool) -> None:
        """Wait for a place; whoever has got one has to `leave`."""
        if not self._waiting and self._has_place(alone=alone):
            self._admit(alone=alone)
            return
        entry = (alone, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            await entry[1]
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
                self._let_in()
            else:  # the place came at the same moment
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to those who wait."""
        self._num_inside -= 1
        self._is_closed = False
        self._let_in()

    def _has_place(self, *, alone: bool) -> bool:
        return not self._is_closed and not (alone and self._num_inside)

    def _admit(self, *, alone: bool) -> None:
        self._num_inside += 1
        self._is_closed = alone

    def _let_in(self) -> None:
        while self._waiting and self._has_place(alone=self._waiting[0][0]):
            alone, place = self._waiting.popleft()
            self._admit(alone=alone)
            place.set_result(None)
