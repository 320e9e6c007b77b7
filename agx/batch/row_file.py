"""The output file of a run: rows are added one by one, and whatever kills the run, what is there stays.

A row is written in one piece at the end of the file. A kill in the middle leaves an incomplete last
line, which the next run cuts off before it goes on. About once a second the rows are sent to the disk,
so that a power cut costs no more than that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

from agx.batch.done_rows import DoneRows
from agx.batch.rows import BEGINNING, read_head
from agx.errors import StorageError, UsageError
from agx.util.files import locked

SYNC_SECS = 1.0
_MODE = 0o666


class RowFile:
    """An output file that is open at its end. `done` is what it had, `notes` what was done to it."""

    def __init__(self, path: Path, file: FileIO, done: DoneRows, notes: tuple[str, ...]) -> None:
        self.path = path
        self.done = done
        self.notes = notes
        self._file = file
        self._reaches_disk = path.is_file()
        self._synced_at = time.monotonic()

    def __repr__(self) -> str:
        return f"<RowFile {self.path}, {len(self.done)} rows when it was opened>"

    def add(self, row: bytes) -> None:
        """Add a row; raises `StorageError`."""
        try:
            left = memoryview(row)
            while left:
                left = left[self._file.write(left) :]
            if time.monotonic() - self._synced_at >= SYNC_SECS:
                self._sync()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def close(self) -> None:
        """Send the rows to the disk and close the file; raises `StorageError`."""
        try:
            with self._file:
                self._sync()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _sync(self) -> None:
        if self._reaches_disk:
            os.fsync(self._file.fileno())
        self._synced_at = time.monotonic()


@contextmanager
def opened_rows(
    path: Path, *, options: str, is_restart: bool = False, is_retry: bool = False
) -> Iterator[RowFile]:
    """Open an output file and hold its lock. A pipe or a device is opened, and that is all.

    What is there is read and checked: it has to be rows of these options. `is_restart` renames it
    instead, and `is_retry` takes the rows of errors out of it. Raises `StorageError`, also where another
    process holds the lock, and `UsageError` where the file has something else.
    """
    with ExitStack() as stack:
        try:
            path = path.resolve()
            if not path.exists() or path.is_file():
                _lock(path, stack)
            rows = _opened(path, options, is_restart=is_restart, is_retry=is_retry)
        except OSError as error:
            raise _unwritable(path, error) from error
        stack.callback(rows.close)
        yield rows


def _lock(path: Path, stack: ExitStack) -> None:
    try:
        stack.enter_context(locked(path, wait_secs=0))
    except StorageError as error:
        raise StorageError(
            f"another `agx batch` writes to {path}", hint="wait for its end, or name another output"
        ) from error


def _opened(path: Path, options: str, *, is_restart: bool, is_retry: bool) -> RowFile:
    if path.exists() and not path.is_file():
        return RowFile(path, path.open("wb", buffering=0), DoneRows(), ())
    notes: list[str] = []
    if is_restart and path.exists() and path.stat().st_size:
        notes.append(_set_aside(path))
    done, repair = _checked(path, options)
    notes += [repair] if repair else []
    if is_retry and done.num_failed:
        notes.append(f"{done.num_failed:,} lines that ended in an error are planned again")
        done = _without_errors(path)
    return RowFile(path, path.open("ab", buffering=0), done, tuple(notes))


def _checked(path: Path, options: str) -> tuple[DoneRows, str]:
    """Read the rows that are there, and cut an incomplete one off; returns a sentence where there was one."""
    done = DoneRows()
    whole_bytes = 0
    with open(os.open(path, os.O_RDWR | os.O_CREAT, _MODE), "r+b") as file:  # noqa: PTH123  a descriptor
        for number, row in enumerate(file, start=1):
            if not row.endswith(b"\n") and _is_beginning(row):
                file.truncate(whole_bytes)
                return done, "the last row was incomplete, and its line is planned again"
            head = read_head(row)
            if head is None:
                raise _not_ours(path, number)
            done.add(head)
            done.check_options(options)
            whole_bytes += len(row)
    return done, ""


def _is_beginning(row: bytes) -> bool:
    """Return whether this may be what a kill, or a power cut (zeros), left of a row."""
    written = row.rstrip(b"\0")
    return written.startswith(BEGINNING) or BEGINNING.startswith(written)


def _without_errors(path: Path) -> DoneRows:
    """Take the rows of errors out of a file, which is replaced in one step."""
    done = DoneRows()
    beside = path.with_name(f".{path.name[:200]}.retry.part")
    try:
        with path.open("rb") as old, beside.open("wb") as new:
            for row in old:
                head = read_head(row)
                if head is not None and head.ok:
                    done.add(head)
                    new.write(row)
            new.flush()
            os.fsync(new.fileno())
        beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return done


def _set_aside(path: Path) -> str:
    """Rename a file to the first name that is free, and return the sentence that says so."""
    number = 1
    while (aside := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(aside)
    return f"the rows that were there are kept in {aside.name}"


def _not_ours(path: Path, number: int) -> UsageError:
    return UsageError(
        f"{path} is not an output of `agx batch` (line {number})",
        hint="name another file, or use --restart, which renames this one first",
    )


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="free some space, or give -o a file in a folder that is yours; the rows that are there stay",
    )
