"""`docs/building.md` shows sessions in a terminal: they are run, and what is shown is what comes."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.documents import Block, blocks, environment

MAX_SECS = 120
SESSIONS = [block for block in blocks("console") if block.place.startswith("building.md:")]


def in_terminal(line: str, folder: Path, environ: dict[str, str]) -> list[str]:
    """Run a command line on a terminal; gives its lines, without what differs each time."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        shlex.split(line), cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    text = re.sub(r"plan_[0-9a-z]{26}", "plan_…", shown.decode())
    return [row.rstrip() for row in text.splitlines()]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux reports the other side's end so
        return b""


@pytest.mark.parametrize("block", SESSIONS, ids=lambda block: block.place)
def test_a_session_is_as_shown(block: Block, tmp_path: Path) -> None:
    """Line by line, in one folder and one home."""
    environ = environment(tmp_path) | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100"}
    sessions = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    assert sessions
    for session in sessions:
        line, *expected = session.splitlines()
        assert in_terminal(line, tmp_path, environ) == expected, line
