"""Reading agx.toml: its keys with the line each stands on."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from agx.errors import ConfigError
from agx.util.frozen import dataclass

MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a file; `origin` is "file:line"."""

    key: str
    value: object
    origin: str


def read_file(path: Path) -> tuple[list[Entry], list[str]]:
    """Return the entries of an agx.toml and warnings; no file gives neither.

    A file that may not be read is a warning: planning goes on without it. One that can be read but
    is no TOML raises `ConfigError`.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  one call, and a pipe must not be opened
            raise ConfigError(f"{path} is not a file", hint="agx.toml is a text file of settings")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        return [], [f"{path} cannot be read ({error.strerror}); its settings are not used"]
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes", hint="agx.toml is a short text file")
    return _entries(path, data), []


def _entries(path: Path, data: bytes) -> list[Entry]:
    import tomllib  # noqa: PLC0415  most people have no such file

    try:
        text = data.decode("utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", hint="save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        hint = "see https://toml.io for the form; a text stands in quotes"
        # Beside its own errors tomllib lets Python's limits through.
        is_its_own = isinstance(error, tomllib.TOMLDecodeError)
        reason = error if is_its_own else "a number or a list in it goes on for too long"
        raise ConfigError(f"{path}: not valid TOML: {reason}", hint=hint) from None
    lines = text.splitlines()
    return [Entry(key, value, f"{path}:{_line_of(key, lines)}") for key, value in table.items()]


def _line_of(key: str, lines: list[str]) -> int:
    # tomllib gives no positions. The first line that starts with the key, or with a table of that
    # name, is the right one unless a text over several lines holds a copy of it.
    start = re.compile(r"\s*\[{0,2}\s*[\"']?" + re.escape(key) + r"[\"']?\s*[\].=]")
    return next((number for number, line in enumerate(lines, start=1) if start.match(line)), 1)
