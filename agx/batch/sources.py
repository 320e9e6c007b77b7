"""Where the lines come from: a file, which can be read twice, or a pipe, which may be silent for long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from agx.batch.done_rows import DoneRows
from agx.batch.lines import Form, RawLine, form_of_file, raw_lines
from agx.errors import UsageError

# How many lines are read ahead of a pipe.
_AHEAD = 64


class Source:
    """An input: the file `path`, or without one the open `pipe`. `form` is what its name says of its lines.

    Raises `UsageError` for a file that cannot be read, when it is made and later.
    """

    def __init__(self, path: Path | None, *, pipe: BinaryIO | None = None) -> None:
        self.path = path
        self.form: Form | None = None if path is None else form_of_file(path.name)
        self._pipe = pipe
        if path is not None and (path.is_file() or path.is_dir() or not path.exists()):
            _opened(path).close()  # opening a named pipe would wait for its writer

    @property
    def _is_pipe(self) -> bool:
        return self.path is None or not self.path.is_file()

    def checked_total(self, done: DoneRows) -> int | None:
        """Return how many lines there are, None for a pipe.

        Raises `UsageError` where the lines are not those of the rows that are there.
        """
        if self.path is None or self._is_pipe:
            return None
        with _opened(self.path) as file:
            try:
                return done.check_all(raw_lines(file))
            except OSError as error:
                raise _unreadable(self.path, error) from error

    async def lines(self) -> AsyncGenerator[RawLine, None]:
        """Yield the lines."""
        if self.path is None or self._is_pipe:
            async with aclosing(_pipe_lines(self._open_pipe)) as lines:
                async for raw in lines:
                    yield raw
            return
        with _opened(self.path) as file:
            try:
                for raw in raw_lines(file):
                    yield raw
            except OSError as error:
                raise _unreadable(self.path, error) from error

    def _open_pipe(self) -> AbstractContextManager[BinaryIO]:
        if self.path is not None:
            return _opened(self.path)
        assert self._pipe is not None, "an input is a file or a pipe"
        return nullcontext(self._pipe)


async def _pipe_lines(
    open_pipe: Callable[[], AbstractContextManager[BinaryIO]],
) -> AsyncGenerator[RawLine, None]:
    """Yield the lines of a pipe as they come, read in a thread: waiting for one holds up no plan."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[RawLine | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)
    is_left = threading.Event()

    def tell(item: RawLine | Exception | None) -> None:
        with suppress(RuntimeError):  # the event loop is closed, so nobody waits
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        try:
            with open_pipe() as pipe:
                for raw in raw_lines(pipe):
                    room.acquire()
                    if is_left.is_set():
                        return
                    tell(raw)
        except UsageError as error:
            tell(error)
        except (OSError, ValueError) as error:
            tell(UsageError(f"the input cannot be read: {error}", hint="give a file, or text in a pipe"))
        else:
            tell(None)

    threading.Thread(target=read, name="agx-batch-input", daemon=True).start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            room.release()
            yield item
    finally:
        is_left.set()
        room.release()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the file {path} cannot be read: {error.strerror}", hint="check the file's name and its rights"
    )
