"""The text that is shown on a terminal while it is generated."""

from __future__ import annotations

import io
import sys

import pytest

from agx.cli.show.streaming import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal; what it draws is not looked at here."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say yes."""
        return True


@pytest.mark.parametrize(
    ("pieces", "rows"),
    [
        (["abc"], 0),
        (["x" * 10], 0),
        (["x" * 11], 1),
        (["x" * 9, "漢"], 1),
        (["漢" * 5], 0),
        (["a\u0301" * 10], 0),
        (["\n" * 5], 0),
        (["\n" * 6], 1),
    ],
    ids=["short", "full row", "one more", "wide at the edge", "wide", "combining", "escaped", "escaped over"],
)
def test_progress_goes_up_as_many_rows_as_it_wrote(
    monkeypatch: pytest.MonkeyPatch, pieces: list[str], rows: int
) -> None:
    """Clearing returns to the first row, whatever the width of what was shown."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "24")
    with Progress() as progress:
        for piece in pieces:
            progress.add(piece)
    assert terminal.getvalue().endswith((f"\x1b[{rows}A" if rows else "") + "\r\x1b[J")


def test_progress_never_scrolls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text longer than the screen begins anew at the top."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "5")
    with Progress() as progress:
        for _ in range(100):
            progress.add("0123456789")
    assert terminal.getvalue().count("\x1b[3A\r\x1b[J") == 25
