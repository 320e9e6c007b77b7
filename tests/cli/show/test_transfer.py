"""How a transfer is shown: on a terminal, in a pipe, in words."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from agx.cli.show.transfer import TransferView, amount, duration


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr("agx.cli.show.transfer.time.monotonic", lambda: now[0])
    return now  # type: ignore[return-value]  # a list, which the test changes


def transfer(clock: list[float], *, secs: int, size: int | None = 100_000_000) -> TransferView:
    """Let 5 MB come a second, of a file of which 20 MB were there."""
    view = TransferView(is_silent=False)
    view.started("model.gguf", size_bytes=size, have_bytes=20_000_000)
    for _ in range(secs * 5):
        view.received(1_000_000)
        clock[0] += 0.2
        view.tick()
    return view


def frames(monkeypatch: pytest.MonkeyPatch, clock: list[float], *, columns: int, secs: int = 8) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    transfer(clock, secs=secs).finished()
    return stream.getvalue().split("\r\x1b[K")


def test_a_terminal_gets_a_line_with_bar_amount_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    shown = frames(monkeypatch, clock, columns=100)
    assert shown[-2].endswith(" 60 %  60.0 of 100.0 MB  5.0 MB/s  8 s left")
    assert shown[-2].startswith("model.gguf  ━━━")
    assert shown[-2].count("━") == pytest.approx(1.5 * shown[-2].count("╌"), abs=2)
    assert shown[-1] == "", "the line is taken away"


def test_the_rate_that_is_shown_does_not_count_what_was_there(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    assert all(
        "5." in frame.split("MB/s")[0][-5:]
        for frame in frames(monkeypatch, clock, columns=100)
        if "/s" in frame
    )


def test_the_name_gives_way_to_the_bar(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    for columns, begin in ((80, "model.gguf  ━"), (67, "model.g…  ━"), (60, "━")):
        last = frames(monkeypatch, clock, columns=columns)[-2]
        assert last.startswith(begin), columns
        assert last.endswith("8 s left")


def test_the_end_of_the_bar_stays_where_it_is(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    """Also where the time left needs fewer digits than before."""
    shown = [frame for frame in frames(monkeypatch, clock, columns=80, secs=15) if "left" in frame]
    assert len({frame.count("━") + frame.count("╌") for frame in shown}) == 1
    assert {"9 s left", "10 s left"} <= {frame.split("  ")[-1] for frame in shown}


def test_waiting_counts_down(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    view = transfer(clock, secs=1)
    view.waiting("the hub is in trouble (503)", wait_secs=8)
    for _ in range(5):
        clock[0] += 1
        view.tick()
    counted = [frame.rpartition("; again in ")[2] for frame in stream.getvalue().split("\r\x1b[K")]
    assert counted[-6:] == ["8 s", "7 s", "6 s", "5 s", "4 s", "3 s"]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_the_line_never_wraps(monkeypatch: pytest.MonkeyPatch, clock: list[float], columns: int) -> None:
    assert max(len(frame) for frame in frames(monkeypatch, clock, columns=columns)) < columns


def test_a_pipe_gets_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str], clock: list[float]) -> None:
    transfer(clock, secs=11).finished()
    assert capsys.readouterr().err.splitlines() == [
        "model.gguf: 100.0 MB, 20.0 MB of it are there",
        "model.gguf:  45 %  45.0 of 100.0 MB  5.0 MB/s  11 s left",
        "model.gguf:  70 %  70.0 of 100.0 MB  5.0 MB/s  6 s left",
    ]


def test_a_size_that_nobody_knows_needs_no_share(
    capsys: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    transfer(clock, secs=6, size=None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("model.gguf: of unknown size")
    assert lines[1] == "model.gguf: 45.0 MB  5.0 MB/s"
    assert transfer(clock, secs=6, size=None).progress == "", "nobody can go on with it"


def test_waiting_says_why_and_how_long(capsys: pytest.CaptureFixture[str], clock: list[float]) -> None:
    view = transfer(clock, secs=1)
    view.waiting("there is no connection to h\x1b[2J", wait_secs=4)
    assert capsys.readouterr().err.endswith("there is no connection to h\\x1b[2J; again in 4 s\n")
    assert view.progress == "25.0 of 100.0 MB"


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    view = TransferView(is_silent=True)
    view.started("m", size_bytes=1, have_bytes=0)
    view.waiting("why", wait_secs=9)
    view.note("what")
    view.finished()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("secs", "words"),
    [
        (0.2, "1 s"), (19, "19 s"), (47, "45 s"), (58, "1 min"), (61, "1 min"), (132, "2 min 10 s"),
        (900, "15 min"), (3700, "1 h 2 min"), (86_400, "24 h 0 min"), (400_000, "5 days"),
    ],
)  # fmt: skip
def test_a_longer_time_is_said_more_coarsely(secs: float, words: str) -> None:
    assert duration(secs) == words


def test_amounts_are_said_in_the_unit_of_the_larger() -> None:
    assert amount(5_000_000, 2_000_000_000) == "0.01 of 2.00 GB"
    assert amount(999, None) == "999 bytes"
    assert amount(1_500, None) == "1.5 kB"
