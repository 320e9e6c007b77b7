"""Reading texts: the files that options name, and standard input where a command asks for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from agx.errors import UsageError

MAX_BYTES = 16 << 20


def read_text(path: Path, *, what: str) -> str:
    """Return the text of a file or pipe of at most 16 MiB; `what` names it in words. Raises `UsageError`."""
    if str(path) == "-":
        raise UsageError(
            f"the {what} cannot be standard input, which is input data",
            hint="write it to a file; a file of that name is ./-",
        )
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the {what} {path} cannot be read: {error.strerror}", hint="check the file's name and its rights"
        ) from error
    return _decoded(data, name=f"the {what} {path}")


def read_stdin(*, name: str, hint: str) -> str:
    """Return standard input as text, as `read_text` does; `name` says what it is, `hint` what to do."""
    return _decoded(open_stdin(hint=hint).buffer.read(MAX_BYTES + 1), name=name)


def open_stdin(*, hint: str) -> TextIO:
    """Return standard input; raises `UsageError` where it is closed."""
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint=hint)
    return sys.stdin


def _decoded(data: bytes, *, name: str) -> str:
    """Return bytes as text; raises `UsageError` where they are too many or no UTF-8. `name` says whose."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES >> 20} MiB", hint="give a shorter one")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name} is not UTF-8 text (line {line})", hint="save it as UTF-8") from None
