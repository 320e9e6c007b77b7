"""An unfinished download: the file `NAME.part` and its state, `NAME.part.json`.

The state says what the file is a part of (source and version), and which of its bytes are there. It is
written only after these bytes have reached the disk. So it never claims too much, whatever ends the process
or the machine: at worst, bytes that are there are fetched again.

A part continues only with the same source, tag and size; with anything else it starts anew. A lock keeps it
to one process at a time.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agx.errors import StorageError
from agx.models.fetch.ranges import Ranges
from agx.util.files import locked, read_bytes, replace_file

PART = ".part"
STATE = ".part.json"
MAX_STATE_BYTES = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Version:
    """What is downloaded: the source, the server's tag for this version, and its size in bytes.

    The tag is empty, or the size None, where the server does not say.
    """

    source: str
    tag: str
    size_bytes: int | None

    @property
    def can_be_resumed(self) -> bool:
        """Whether its bytes can be told from those of another version."""
        return bool(self.tag) and self.size_bytes is not None


@dataclass(frozen=True, slots=True)
class PartState:
    """The content of `NAME.part.json`."""

    version: Version
    ranges: Ranges


class Part:
    """The file while it is written; `opened_part` opens it for this process alone."""

    def __init__(self, target: Path, descriptor: int) -> None:
        self.target = target
        self.path = part_of(target)
        self.ranges = Ranges()
        self._descriptor = descriptor
        self._version: Version | None = None

    @property
    def is_kept(self) -> bool:
        """Whether a later download can continue it."""
        return self._version is None or self._version.can_be_resumed

    def begin(self, version: Version) -> str:
        """Continue with the bytes of this version, or start anew; returns why, if bytes were dropped.

        Raises `StorageError`.
        """
        state = read_state(self.target)
        there = os.fstat(self._descriptor).st_size
        why = ""
        if state is not None and state.version == version and version.can_be_resumed:
            self.ranges = state.ranges.cut(min(there, version.size_bytes or 0))
        else:
            why = _why_not_kept(state, version) if there and state is not None else ""
            self._clear()
        self._version = version
        return why

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes at an offset; raises `StorageError`."""
        view, at = memoryview(data), offset
        try:
            while view:
                done = os.pwrite(self._descriptor, view, at)
                view, at = view[done:], at + done
        except OSError as error:
            raise StorageError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="free some space, or set AGX_HOME to a folder on another disk; the same command "
                + ("goes on with what is there" if self.is_kept else "starts anew"),
            ) from error
        finally:
            self.ranges.add(offset, at)

    def read(self, offset: int, num_bytes: int) -> bytes:
        """Read bytes that are there; raises `OSError`."""
        return os.pread(self._descriptor, num_bytes, offset)

    def save(self) -> None:
        """Save which bytes are there, for a version that can be resumed; raises `OSError`."""
        if self._version is None or not self.is_kept:
            return
        ranges = self.ranges.to_list()
        os.fsync(self._descriptor)
        data = asdict(self._version) | {"ranges": ranges}
        replace_file(state_of(self.target), json.dumps(data).encode())

    def discard(self) -> None:
        """Remove the part and its state."""
        state_of(self.target).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Rename the file to its final name; raises `StorageError`."""
        try:
            os.fsync(self._descriptor)
            self.path.replace(self.target)
            state_of(self.target).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self.target} cannot be made: {error.strerror}", hint="look at what has that name"
            ) from error

    def _clear(self) -> None:
        """Drop all bytes."""
        try:
            state_of(self.target).unlink(missing_ok=True)
            os.ftruncate(self._descriptor, 0)
        except OSError as error:
            raise StorageError(
                f"{error.filename or self.path} cannot be removed: {error.strerror}", hint="take it away"
            ) from error
        self.ranges = Ranges()


@contextmanager
def opened_part(target: Path) -> Iterator[Part]:
    """Open or create the part of a file for this process alone; a part that cannot be resumed is removed.

    Raises `StorageError` where another process has it, or where it cannot be written.
    """
    path = part_of(target)
    with ExitStack() as stack:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _lock(target, stack)
            descriptor = _opened(path)
        except OSError as error:
            raise StorageError(
                f"{error.filename or path} cannot be written: {error.strerror}",
                hint="set AGX_HOME to a folder that is yours",
            ) from error
        stack.callback(os.close, descriptor)
        part = Part(target, descriptor)
        try:
            yield part
        finally:
            if os.fstat(descriptor).st_size == 0 or not part.is_kept:
                with suppress(OSError):
                    part.discard()


def read_state(target: Path) -> PartState | None:
    """Return the saved state of a download, or None without a readable one."""
    try:
        raw = read_bytes(state_of(target), limit=MAX_STATE_BYTES)
        return None if raw is None else _state(json.loads(raw))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def stored_bytes(target: Path) -> int:
    """Return the bytes that a part takes on the disk; those not yet written take none."""
    try:
        status = part_of(target).stat()
    except OSError:
        return 0
    return min(status.st_size, getattr(status, "st_blocks", 0) * 512)


def part_of(target: Path) -> Path:
    """Return the path of a file's part."""
    return target.with_name(target.name + PART)


def state_of(target: Path) -> Path:
    """Return the path of a part's state."""
    return target.with_name(target.name + STATE)


def _lock(target: Path, stack: ExitStack) -> None:
    try:
        stack.enter_context(locked(part_of(target), wait_secs=0))
    except StorageError:
        raise StorageError(
            f"{target.name} is being fetched by another process", hint="wait for it, or end it"
        ) from None


def _opened(path: Path) -> int:
    """Open an ordinary file with no other name; a link would lead the bytes elsewhere."""
    descriptor = os.open(path, _FLAGS | getattr(os, "O_NONBLOCK", 0), 0o644)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise StorageError(f"{path} is no ordinary file of its own", hint="take it away")
    return descriptor


def _state(data: Any) -> PartState:  # noqa: ANN401  what JSON gave
    size, ranges = data["size_bytes"], data["ranges"]
    numbers = [size, *(number for one in ranges for number in one)]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(numbers)
    if not all(len(one) == 2 and one[0] <= one[1] for one in ranges):
        raise ValueError(ranges)
    return PartState(Version(str(data["source"]), str(data["tag"]), size), Ranges(ranges))


def _why_not_kept(state: PartState, version: Version) -> str:
    if state.version.source != version.source:
        return "what was there came from somewhere else"
    if not version.can_be_resumed:
        return "the server does not say which version it has"
    return "the file has changed on the server"
