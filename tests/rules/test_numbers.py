"""Numbers of an instruction, in digits and in words."""

from __future__ import annotations

import pytest

from agx.rules.numbers import numbers, with_digits


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("the twelve biggest files", [12]),
        ("twenty-one lines, thirty two words", [21, 32]),
        ("a dozen files and half a dozen folders", [12, 6]),
        ("two hundred lines; a thousand words", [200, 1000]),
        ("the last 7 days", [7]),
        ("line 20, and 30.", [20, 30]),
        ("one file, the first, and number 1", []),
        ("file2, 3.5, 14:05, 2024-01-02, a{1..9}, *.1 and x-7", []),
        ('print "5 apples" of one.txt, two.txt and ten.txt', []),
        ("someone often tends", []),
    ],
)
def test_what_is_a_number(text: str, values: list[int]) -> None:
    assert [number.value for number in numbers(text)] == values


def test_words_become_digits_and_the_rest_stays() -> None:
    assert with_digits("Show the Twelve newest of 40 files, two a line") == (
        "Show the 12 newest of 40 files, 2 a line"
    )
