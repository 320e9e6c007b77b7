"""Piped standard input: read within limits, described in a few lines, never obeyed.

An idle pipe is a common thing to inherit (from cron, an editor, another program) and must not
hold anything up, so a thread reads while the rest starts, and `collect` waits for the first byte
only so long.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time

from agx.util.frozen import dataclass

MAX_BYTES = 1 << 20
FIRST_BYTE_SECS = 0.25
WHOLE_SECS = 1.0


@dataclass(frozen=True, slots=True)
class Piped:
    """The beginning of what was piped in. `size_bytes` is None where its end was not reached."""

    data: bytes
    size_bytes: int | None

    @property
    def is_cut(self) -> bool:
        """Whether more was piped in than is here."""
        return self.size_bytes != len(self.data)


class PipedReader:
    """Reads standard input in the background; `start` and then `collect` it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: list[bytes] = []
        self._ended = False
        self._news = threading.Condition()

    @classmethod
    def start(cls) -> PipedReader | Piped | None:
        """Begin to read; returns None where nothing is piped in, and a file's contents at once."""
        if sys.stdin is None:
            return None
        mode = os.fstat(0).st_mode
        if stat.S_ISREG(mode):
            return _from_file(0)
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
            return None
        reader = cls(0)
        threading.Thread(target=reader._read, name="agx-stdin", daemon=True).start()
        return reader

    def collect(self, wait_secs: float = FIRST_BYTE_SECS) -> Piped | None:
        """Return what has come: None when the first byte did not come within `wait_secs`."""
        until = time.monotonic() + max(WHOLE_SECS, wait_secs)
        with self._news:
            self._news.wait_for(lambda: self._ended or self._pieces, timeout=wait_secs)
            if self._pieces:
                self._news.wait_for(lambda: self._ended, timeout=until - time.monotonic())
            data = b"".join(self._pieces)
            ended = self._ended
        whole = ended and len(data) < MAX_BYTES
        return Piped(data[:MAX_BYTES], len(data) if whole else None) if data else None

    @property
    def has_ended(self) -> bool:
        """Whether the other side has closed the pipe, or nothing more will be read."""
        return self._ended

    def _read(self) -> None:
        total = 0
        while total < MAX_BYTES:
            try:
                piece = os.read(self._descriptor, 1 << 16)
            except OSError:  # a connection that was reset has ended, too
                break
            if not piece:
                break
            total += len(piece)
            with self._news:
                self._pieces.append(piece)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


def _from_file(descriptor: int) -> Piped | None:
    # The position is put back: in `while read …; do agx plan …; done < file` the file is the loop's.
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    data = os.read(descriptor, MAX_BYTES)
    os.lseek(descriptor, position, os.SEEK_SET)
    return Piped(data, os.fstat(descriptor).st_size - position) if data else None
