"""What is said of a batch while it runs and at its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agx.batch.tally import Tally
from agx.cli.show.batch_progress import (
    FIRST_LINE_SECS,
    LINE_SECS,
    BatchProgress,
    duration,
    progress_sentence,
    summary_sentence,
)
from agx.cli.show.output import Notes
from agx.cli.show.streaming import Progress
from agx.errors import PlanInvalid


class Clock:
    """Says the time that it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def tally_after(secs: float, *, total: int | None = 2000, num_planned: int = 99) -> Tally:
    clock = Clock()
    tally = Tally(total=total, clock=clock)
    for _ in range(num_planned):
        tally.count(None)
    tally.count(PlanInvalid("no"))
    clock.now = secs
    return tally


def test_progress_is_done_total_errors_rate_and_time_left() -> None:
    assert progress_sentence(tally_after(10)) == "100 of 2,000 lines, 1 error, 10 a second, 3 min left"
    assert progress_sentence(tally_after(10, total=None)) == "100 lines, 1 error, 10 a second"
    assert progress_sentence(Tally(total=5)) == "0 of 5 lines"
    slow = tally_after(1000, total=None)
    assert progress_sentence(slow) == "100 lines, 1 error, 10 s each"


def test_the_summary_says_what_is_there_and_how_to_go_on() -> None:
    done = "planned, 1 error (PlanInvalid 1); 100 in 10 s, 10 a second"
    whole = summary_sentence(tally_after(10, total=100), is_whole=True, path=Path("out.jsonl"))
    assert whole == f"100 lines have their row: 99 {done}"
    part = summary_sentence(tally_after(10), is_whole=False, path=Path("out.jsonl"))
    assert part == f"100 of 2,000 lines have their row: 99 {done}; the same command goes on from here"
    printed = summary_sentence(tally_after(10), is_whole=False, path=None)
    assert printed.endswith("10 a second")
    assert summary_sentence(Tally(total=3, num_planned=3), is_whole=True, path=None) == (
        "3 lines have their row: 3 planned"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (10.4, "10 s"),
        (99, "99 s"),
        (100, "2 min"),
        (5940, "99 min"),
        (6000, "1 h 40 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_times_have_at_most_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_without_a_terminal_there_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    clock = Clock()
    with Progress() as moving:
        progress = BatchProgress(tally_after(10), moving=moving, notes=Notes(as_json=as_json), clock=clock)
        for now in (0, FIRST_LINE_SECS, FIRST_LINE_SECS + 1, FIRST_LINE_SECS + LINE_SECS):
            clock.now = now
            progress.show()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    if as_json:
        assert json.loads(lines[0])["progress"]["seconds_left"] == 190.0
    else:
        assert lines[0].startswith("progress: 100 of 2,000 lines")
