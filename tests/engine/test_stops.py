"""Stop sequences end a text wherever its pieces end."""

from __future__ import annotations

import pytest

from agx.engine.stops import StopFinder


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "stops", "before", "has_stopped"),
    [
        ("one\ntwo\nthree", ["\n"], "one", True),
        ("one END two", ["END"], "one ", True),
        ("one EN", ["END"], "one EN", False),
        ("EEND", ["END"], "E", True),
        ("a b c", ["c", "b"], "a ", True),
        ("abab", ["abc", "ba"], "a", True),
        ("END", ["END"], "", True),
        ("é€ é", ["€"], "é", True),
        ("", ["x"], "", False),
    ],
)
def test_a_text_ends_before_its_stop(
    text: str, stops: list[str], before: str, has_stopped: bool, size: int
) -> None:
    finder = StopFinder(stops)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    got = "".join(map(finder.feed, pieces)) + finder.feed("", is_final=True)
    assert (got, finder.has_stopped) == (before, has_stopped)


def test_what_cannot_begin_a_stop_passes_at_once() -> None:
    finder = StopFinder(["END"])
    assert [finder.feed(piece) for piece in ("one ", "E", "asy", "EN")] == ["one ", "", "Easy", ""]
