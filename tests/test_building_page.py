"""`docs/building.md` shows sessions in a terminal: they are run, and what is shown is what comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import Block, blocks, commands, environment
from tests.terminal import in_terminal

SESSIONS = [block for block in blocks("console") if block.place.startswith("building.md:")]


@pytest.mark.parametrize("block", SESSIONS, ids=lambda block: block.place)
def test_a_session_is_as_shown(block: Block, tmp_path: Path) -> None:
    """Line by line, in one folder and one home."""
    environ = environment(tmp_path)
    session = commands(block)
    assert session
    for line, shown in session:
        assert in_terminal(line, tmp_path, environ).text == shown, line
