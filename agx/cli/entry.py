"""Where the `agx` command begins: an interrupt ends it with its exit code from the first moment on."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agx.cli.signals import left_at_once

if TYPE_CHECKING:
    import subprocess


def main() -> None:
    """Start a worker where one will be needed, import the command line and run it; does not come back."""
    with left_at_once():
        started = early_worker(sys.argv[1:])
        from agx.cli import app  # noqa: PLC0415  the import is what may be interrupted
    app.main(started)


def early_worker(arguments: Sequence[str]) -> subprocess.Popen[bytes] | None:
    """Start the worker of an `agx plan` at once: it imports its part while the command line does.

    This is a guess from the look of the arguments, and `agx.app.early_start` ends a worker that is not used.
    """
    if arguments[:1] != ["plan"] or not any(map(_is_instruction, arguments[1:])) or _is_one_kept():
        return None
    from agx.errors import AgxError  # noqa: PLC0415  --version does without
    from agx.worker.starting import start_process  # noqa: PLC0415  as above

    try:
        return start_process()
    except AgxError:
        return None  # it is started again when it is needed, and then says what is wrong


def _is_instruction(argument: str) -> bool:
    """Return whether an argument is words, as neither a verb nor an option is."""
    return " " in argument and not argument.startswith("-")


def _is_one_kept() -> bool:
    """Return whether `agx up` may have a worker already."""
    home = os.environ.get("AGX_HOME") or os.path.expanduser("~/.agx")  # noqa: PTH111  pathlib is slow to import
    try:
        return any(name.endswith(".sock") for name in os.listdir(os.path.join(home, "warm")))  # noqa: PTH118, PTH208  as above
    except OSError:
        return False
