"""A terminal for commands, as the tests of the pages use it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import NamedTuple


class Shown(NamedTuple):
    """What a terminal showed of a command, and its exit code."""

    text: str
    exit_code: int


def in_terminal(line: str, folder: Path, environ: dict[str, str]) -> Shown:
    """Run a command line on a terminal without colours; ids and trailing spaces are left out."""
    ours, theirs = pty.openpty()
    variables = environ | {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "100"}
    with subprocess.Popen(
        ["sh", "-c", line], cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    text = re.sub(r"plan_[0-9a-z]{26}", "plan_…", shown.decode())
    return Shown("".join(f"{row.rstrip()}\n" for row in text.splitlines()), process.returncode)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux reports the other side's end so
        return b""
