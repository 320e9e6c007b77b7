"""The literals of an instruction: what is one, how far it reaches, and what is none."""

from __future__ import annotations

import pytest

from agx.rules.literals import literals


@pytest.mark.parametrize(
    ("instruction", "texts"),
    [
        ("remove Anna's draft.txt", ["Anna's draft.txt"]),
        ("remove Anna\u2019s draft.txt", ["Anna\u2019s draft.txt"]),
        ('delete the file named "x*y"', ["x*y"]),
        ("delete the file '-rf'", ["-rf"]),
        ("search for 'don't panic' in a.log.", ["don't panic", "a.log"]),
        ("copy Übersicht.txt to Größe/", ["Übersicht.txt", "Größe"]),
        ("delete 日本語.txt", ["日本語.txt"]),
        ("touch 🎉.txt", ["🎉.txt"]),
        ("move “my notes” to „alte Sachen“ and «c d»", ["my notes", "alte Sachen", "c d"]),
        ("print \u2018a b.txt\u2019", ["a b.txt"]),
        (r"remove my\ file.txt", ["my file.txt"]),
        ("list ~/data, /var/log and ./src/main.c", ["~/data", "/var/log", "./src/main.c"]),
        ("find folders called ' backup '", ["backup"]),
        ("run `make all` in /tmp", ["make all", "/tmp"]),
    ],
)
def test_what_is_taken_word_for_word(instruction: str, texts: list[str]) -> None:
    assert [literal.text for literal in literals(instruction)] == texts


@pytest.mark.parametrize(
    "instruction",
    [
        "list today's files",
        "files/directories and/or read/write",
        "print all *.py files, e.g. the user's ones, i.e. mine",
        "download http://www.example.com/a.txt",
        "install python3.11 and node.js 3.5",
        "count lines in [a-z].txt and {x,y}.txt",
        '""',
        "",
    ],
)
def test_what_is_none(instruction: str) -> None:
    assert literals(instruction) == ()


@pytest.mark.parametrize(
    ("instruction", "is_name"),
    [
        ('delete the file "notes"', True),
        ('make a folder called "notes"', True),
        ('search for "notes"', False),
        ("sort notes.txt", True),
        ("sort Größe", False),
    ],
)
def test_whether_the_instruction_calls_it_a_name(instruction: str, *, is_name: bool) -> None:
    (literal,) = literals(instruction)
    assert literal.is_name is is_name


@pytest.mark.parametrize(
    ("instruction", "is_odd"),
    [("sort notes.txt", False), ("list ~/a/b-c_d.e", False), ("sort 'my notes'", True), ("sort é.txt", True)],
)
def test_which_ones_are_likely_to_be_taken_apart(instruction: str, *, is_odd: bool) -> None:
    (literal,) = literals(instruction)
    assert literal.is_odd is is_odd


def test_a_place_is_that_of_the_text_without_its_quotes() -> None:
    instruction = 'move "a b" to é.txt'
    assert [instruction[one.start : one.end] for one in literals(instruction)] == ["a b", "é.txt"]


@pytest.mark.parametrize(
    "piece", ["é", "-", "+", "'", '"', "\\ ", "/", "é/", "'a ", "a.", "\u201c", "日", "🎉."]
)
def test_a_huge_instruction_of_one_piece_is_looked_through_to_an_end(piece: str) -> None:
    """Each pattern can match a text in one way only; otherwise this would take for ever."""
    assert len(literals(piece * 100_000)) <= 100
