"""The outputs that later tasks use: those of programs in a private folder, and the values of functions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Self

from agx.errors import StorageError
from agx.plan.references import replaced_outputs
from agx.run.record import TaskProblem

MAX_TEXT_BYTES = 2 << 20  # no machine takes more arguments


class KeptOutput:
    """A sink that writes a file, with a bound on its size."""

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file = file
        self._left = max_bytes
        self._max_bytes = max_bytes

    async def write(self, data: bytes) -> bool:
        """Append the data; raises `TaskProblem` where there is no room."""
        self._left -= len(data)
        if self._left < 0:
            raise TaskProblem(
                f"its output is larger than the {self._max_bytes:,} bytes that may be kept for later tasks",
                hint="let the next task alone read it with input_from_task, or save it with save_to",
            )
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise TaskProblem(
                f"its output cannot be kept: {error.strerror}", hint="free some space, or set TMPDIR"
            ) from error
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def as_text(value: object) -> str:
    """Return a function's value as text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Outputs:
    """The outputs that later tasks use; a context manager that leaves nothing behind."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._folder: TemporaryDirectory[str] | None = None
        self._values: dict[int, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def keep(self, number: int) -> KeptOutput:
        """Return the sink that keeps a task's output."""
        return KeptOutput(self._path(number).open("wb", buffering=0), self._max_bytes)

    def keep_value(self, number: int, value: Any) -> None:  # noqa: ANN401  any JSON value
        """Keep a function's value."""
        self._values[number] = value

    def open(self, number: int) -> int:
        """Return a descriptor that reads a task's output from its beginning."""
        if number in self._values and not self._path(number).exists():
            self._path(number).write_text(as_text(self._values[number]), encoding="utf-8")
        return os.open(self._path(number), os.O_RDONLY)

    def text(self, number: int) -> str:
        """Return an output as text for an argument, without trailing newlines; raises `TaskProblem`."""
        if number in self._values:
            return as_text(self._values[number]).rstrip("\n")
        path = self._path(number)
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise TaskProblem(
                f"the output of task {number} is too long for an argument",
                hint="read it with input_from_task instead",
            )
        return os.fsdecode(path.read_bytes()).rstrip("\n")

    def filled_in(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return a function's arguments with every `{"task": n}` replaced by what task n returned."""
        return replaced_outputs(
            arguments,
            lambda number: self._values[number] if number in self._values else self._readable(number),
        )

    def _readable(self, number: int) -> str:
        return os.fsencode(self.text(number)).decode(errors="replace")

    def _path(self, number: int) -> Path:
        if self._folder is None:
            try:
                self._folder = TemporaryDirectory(prefix="agx-run-")
            except OSError as error:
                raise StorageError(
                    f"there is no folder for outputs: {error.strerror}", hint="free some space, or set TMPDIR"
                ) from error
        return Path(self._folder.name) / str(number)
