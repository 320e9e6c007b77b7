"""Requests on their way from the worker's reading thread to its engine thread."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import NamedTuple

from agx.worker.protocol import Frame


class Arrival(NamedTuple):
    """A request and when it came, in seconds of the monotonic clock."""

    frame: Frame
    arrived_secs: float

    @property
    def request_id(self) -> int:
        """The request's number."""
        return int(self.frame["id"])

    def remaining_secs(self, deadline_secs: float | None) -> float | None:
        """Return what is left of a deadline that counts from the arrival; it may be negative."""
        if deadline_secs is None:
            return None
        return deadline_secs - (time.monotonic() - self.arrived_secs)


class Inbox:
    """A queue that remembers, until a request is finished, whether it has been cancelled."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Arrival] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_cancelled: dict[int, bool] = {}

    def put(self, frame: Frame) -> None:
        """Take a request that has just come."""
        arrival = Arrival(frame, time.monotonic())
        with self._lock:
            self._is_cancelled[arrival.request_id] = False
        self._queue.put(arrival)

    def take(self) -> Arrival:
        """Return the next request, and wait for one."""
        return self._queue.get()

    def take_now(self) -> Arrival | None:
        """Return the next request if there is one."""
        try:
            return self._queue.get_nowait()
        except Empty:
            return None

    def cancel(self, request_id: int) -> None:
        """Mark a request, waiting or begun; one that is finished or unknown is left alone."""
        with self._lock:
            if request_id in self._is_cancelled:
                self._is_cancelled[request_id] = True

    def is_cancelled(self, request_id: int) -> bool:
        """Return whether a request has been cancelled."""
        with self._lock:
            return self._is_cancelled.get(request_id, False)

    def finish(self, request_id: int) -> None:
        """Forget a request."""
        with self._lock:
            self._is_cancelled.pop(request_id, None)
