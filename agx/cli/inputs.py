"""What a command reads: texts in files and on standard input, piped data, and files of tools."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from agx.app.input_summary import summarise
from agx.app.piped_input import Piped, PipedReader
from agx.app.registries import registry_of_files
from agx.cli.shared_options import STRICT_TOOLS
from agx.errors import UsageError

if TYPE_CHECKING:
    from agx.cli.show.output import Notes
    from agx.plan.tools import Registry

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


def piped_reader(wait_secs: float) -> PipedReader | Piped | None:
    """Begin to read what is piped in, in the background; with no time to wait nothing is read."""
    return PipedReader.start() if wait_secs > 0 else None


def described_input(reader: PipedReader | Piped | None, wait_secs: float, *, notes: Notes) -> str | None:
    """Describe what is piped in; None where nothing is, or where it does not come in time."""
    if reader is None:
        return None
    piped = reader if isinstance(reader, Piped) else reader.collect(wait_secs)
    if piped is not None:
        return summarise(piped)
    if not isinstance(reader, Piped) and not reader.has_ended:
        notes.warning(
            f"standard input is a pipe in which nothing came for {wait_secs:g} s; planning "
            "without it (--input-wait SECS waits longer, </dev/null gives none)"
        )
    return None


def chosen_registry(files: Sequence[str], *, notes: Notes) -> Registry:
    """Return the tools that --tools names, as `registry_of_files`, and say what was changed in them.

    Under --strict-tools, which stands beside every --tools, a tool that cannot be used is refused.
    """
    strict = click.get_current_context().meta.get(STRICT_TOOLS, False)
    registry = registry_of_files(files, strict=strict)
    for warning in registry.warnings:
        notes.warning(warning)
    return registry
