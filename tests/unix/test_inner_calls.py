"""The calls of a task: its tool's, and those of the commands inside."""

from __future__ import annotations

import pytest

from agx.unix.inner_calls import MAX_DEPTH, as_word, calls
from tests.plan.helpers import task


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ls -l a", ["ls -l a"]),
        ("xargs -0 rm -f", ["xargs -0", "rm -f"]),
        ("xargs -I {} cp {} d", ["xargs -I {}", "cp {} d"]),
        ("sudo -u root find . -name a", ["sudo -u root", "find . -name a"]),
        ("env - A=b grep x", ["env - A=b", "grep x"]),
        ("timeout -k 1 5s /usr/bin/sort -u", ["timeout -k 1 5s", "sort -u"]),
        ("nice -n 5 ./sort -u", ["nice -n 5", "./sort -u"]),
        ("find . -exec grep x {} ; -name b -ok rm {} +", ["find . -name b", "grep x {}", "rm {}"]),
        ("find . -exec rm {}", ["find .", "rm {}"]),
        ("find . -exec", ["find ."]),
        ("xargs", ["xargs"]),
        ("strace -o log -f sort -u", ["strace -o log -f", "sort -u"]),
        ("flock -w 5 lock grep x", ["flock -w 5 lock", "grep x"]),
        ("setsid busybox nice --adj 5 ls -l", ["setsid", "busybox", "nice --adj 5", "ls -l"]),
        ("sudo xargs -n1 find -execdir ls ;", ["sudo", "xargs -n1", "find", "ls"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_inner_commands_are_calls_of_their_own(words: str, expected: list[str]) -> None:
    command, *args = words.split()
    assert [" ".join((call.name, *call.words)) for call in calls(task(command, *args))] == expected


def test_commands_inside_each_other_end_somewhere() -> None:
    assert len(list(calls(task("sudo", *["sudo"] * 200)))) == MAX_DEPTH + 1


def test_an_argument_is_one_word_with_what_is_open_in_it() -> None:
    items = task(
        "cat", "a", {"glob": "*.c"}, {"env": "HOME"}, {"task": 1}, {"text": ["-n", {"env": "N"}]}
    ).args
    assert [as_word(item) for item in items] == ["a", "*.c", "\0", "\0", "-n\0"]
