"""Augmentation: what instruction and plan share is renamed in both or in neither."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from scripts.planner.augment import augment, rename, vary, word_pool
from scripts.planner.examples import as_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

Tasks = list[dict[str, Any]]
WORDS = ["apple", "river", "window"]
RUN = re.compile(r"[A-Za-z0-9_]+")
FLAG = re.compile(r"--?[A-Za-z][\w-]*(?:$|=)")
ROWS: dict[str, tuple[str, Tasks]] = {
    "names and numbers": (
        'find the 20 largest *.log files in /var/cache/apt newer than "stamp_1"',
        [
            {"command": "find", "args": ["/var/cache/apt", "-name", "*.log", "-newer", "stamp_1"]},
            {"command": "head", "args": ["-n", "20"], "input_from_task": 1},
        ],
    ),
    "typed values": (
        "copy *.jpg and README to $BACKUP and save the list to copied.txt",
        [
            {"command": "ls", "args": [{"glob": "*.jpg"}, "README"], "save_to": "copied.txt"},
            {"command": "cp", "args": [{"glob": "*.jpg"}, "README", {"text": [{"env": "BACKUP"}, "/x"]}]},
        ],
    ),
    "flags in quotes": (
        'run "elinks -dump dump.html" with --include=*.html and delete "old.html"',
        [
            {
                "command": "watch",
                "args": ["elinks", "-dump", "dump.html", "--include=*.html", "--delete", "old.html"],
            }
        ],
    ),
    "a flag spelled like a name": (
        'count "v" in README with option -c of *.c',
        [{"command": "grep", "args": ["-c", "v", "README", "-v", "*.c"]}],
    ),
    "a tool behind another": (
        'run "wc" with sudo on wc.txt',
        [{"command": "sudo", "args": ["wc", "wc.txt"]}],
    ),
}
over_rows = pytest.mark.parametrize(("nl", "tasks"), ROWS.values(), ids=ROWS)


def _texts(tasks: Tasks) -> list[str]:
    return [text for task in tasks for key in ("args", "save_to") for text in _strings(task.get(key, ()))]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _changes(before: str, after: str) -> dict[str, str]:
    """Return which runs became which; every one of a run must become the same."""
    pairs = set(zip(RUN.findall(before), RUN.findall(after), strict=True))
    assert len({old for old, _new in pairs}) == len(pairs)
    return {old: new for old, new in pairs if old != new}


@over_rows
def test_a_literal_is_renamed_in_both_or_in_neither(nl: str, tasks: Tasks) -> None:
    renamed: set[str] = set()
    for seed in range(100):
        other_nl, other = rename(nl, tasks, random.Random(seed), words=WORDS)
        in_nl = _changes(nl, other_nl)
        in_tasks = _changes(" ".join(map(_open, _texts(tasks))), " ".join(map(_open, _texts(other))))
        assert in_nl == in_tasks
        assert len(set(in_nl.values())) == len(in_nl), "two names never become one"
        renamed |= in_nl.keys()
    assert renamed, "some seed renames something"


def _open(text: str) -> str:
    return FLAG.sub("", text)


@over_rows
def test_flags_commands_and_references_stay(nl: str, tasks: Tasks) -> None:
    for seed in range(100):
        _nl, other = rename(nl, tasks, random.Random(seed), words=WORDS)
        assert [FLAG.findall(text) for text in _texts(other)] == [
            FLAG.findall(text) for text in _texts(tasks)
        ]
        for key in ("command", "input_from_task"):
            assert [task.get(key) for task in other] == [task.get(key) for task in tasks]


def test_names_of_tools_stay() -> None:
    """Behind sudo or xargs they are what is run."""
    nl, tasks = ROWS["a tool behind another"]
    for seed in range(50):
        assert rename(nl, tasks, random.Random(seed), words=WORDS)[1][0]["args"][0] == "wc"


@over_rows
def test_the_result_is_a_plan_and_the_row_stays_as_it_was(nl: str, tasks: Tasks) -> None:
    before = repr(tasks)
    for seed in range(50):
        other_nl, other = augment(nl, tasks, random.Random(seed), words=WORDS)
        assert other_nl
        assert len(as_tasks(other)) == len(tasks)
    assert repr(tasks) == before


@over_rows
def test_the_seed_decides(nl: str, tasks: Tasks) -> None:
    first, second = (augment(nl, tasks, random.Random(7), words=WORDS) for _ in range(2))
    assert first == second
    assert len({augment(nl, tasks, random.Random(seed), words=WORDS)[0] for seed in range(20)}) > 5


def test_varied_wording_keeps_the_case_of_what_the_plan_uses() -> None:
    for seed in range(50):
        assert vary("Makefile is to be shown.", random.Random(seed), kept="cat Makefile").startswith(
            "Makefile"
        )


def test_varied_wording_differs_in_case_full_stop_and_words() -> None:
    varied = {vary("Print the current directory.", random.Random(seed), kept="pwd") for seed in range(200)}
    for part in ("Show", "print", "directory.", "folder"):
        assert any(part in nl for nl in varied)


def test_names_are_made_of_the_plain_words_of_instructions() -> None:
    assert word_pool([{"nl": "Find my file_1 in 2 of the archives"}, {"nl": "the of"}]) == [
        "Find",
        "archives",
        "the",
    ]
