"""Which bytes of a file are there."""

from __future__ import annotations

import random

import pytest

from agx.models.fetch.ranges import Ranges, pieces


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ([(0, 5), (5, 9)], [[0, 9]]),
        ([(5, 9), (0, 4)], [[0, 4], [5, 9]]),
        ([(0, 4), (6, 9), (2, 8)], [[0, 9]]),
        ([(0, 9), (2, 3)], [[0, 9]]),
        ([(3, 3)], []),
    ],
    ids=["touching", "apart", "bridged", "inside", "empty"],
)
def test_ranges_that_touch_become_one(added: list[tuple[int, int]], expected: list[list[int]]) -> None:
    assert Ranges(added).to_list() == expected


def test_ranges_are_the_set_of_their_bytes() -> None:
    """A thousand random additions, compared with a set of numbers."""
    chance = random.Random(1)
    for _ in range(50):
        ranges, there = Ranges(), set[int]()
        for _ in range(20):
            start = chance.randrange(60)
            end = start + chance.randrange(12)
            ranges.add(start, end)
            there |= set(range(start, end))
        size = chance.randrange(80)
        assert ranges.num_bytes == len(there)
        assert ranges.prefix == next(number for number in range(100) if number not in there)
        missing = {number for start, end in ranges.missing(size) for number in range(start, end)}
        assert missing == set(range(size)) - there
        assert ranges.cut(size).num_bytes == len({number for number in there if number < size})
        assert Ranges(ranges.to_list()).to_list() == ranges.to_list()


def test_pieces_cover_what_is_missing_in_order() -> None:
    assert pieces([(0, 10), (20, 23)], piece_bytes=4) == [(0, 4), (4, 8), (8, 10), (20, 23)]
    assert pieces([], piece_bytes=4) == []
