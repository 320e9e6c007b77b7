"""What an instruction names and a plan does not have, and names that look like patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agx.plan.schema import PlanMetadata
from agx.rules.check import read_draft
from agx.rules.named import MISSING_NAME
from agx.unix.registry import unix_registry

MISSING_NUMBER = "missing-number"
METADATA = PlanMetadata(backend="scripted", model="m", role="echo")


def found(instruction: str, *calls: Sequence[Any], by_model: bool = True) -> list[tuple[str, str]]:
    """Return rule and severity of what is said about names and numbers."""
    tasks = [{"command": name, "args": args} for name, *args in calls]
    metadata = METADATA if by_model else None
    _, findings = read_draft(
        {"tasks": tasks}, unix_registry(), instruction=instruction, metadata=metadata, is_asked=True
    )
    return [(one.rule, one.severity) for one in findings if one.rule in (MISSING_NAME, MISSING_NUMBER)]


@pytest.mark.parametrize(
    ("instruction", "call"),
    [
        ("remove Anna's draft.txt", ("rm", "Anna's draft.txt")),
        ("remove Notes.TXT", ("rm", "notes.txt")),
        ("list ~/data", ("ls", {"text": [{"env": "HOME"}, "/data"]})),
        ("list /var/log/", ("ls", "/var/log")),
        ("find passwd in /etc by its name /etc/passwd", ("find", "/etc", "-name", "passwd")),
        ("replace foo in a.c and keep a.c.bak", ("sed", "-i.bak", "s/foo/bar/", "a.c")),
        ('print "a b" of x.txt', ("awk", "/a b/", "x.txt")),
        ("copy é.txt to /tmp", ("cp", "é.txt", "/tmp/x")),
        ('show "$HOME" and a..z', ("echo", {"env": "HOME"})),
        ("make a.txt hold the date", ("date",)),
    ],
)
def test_names_are_found_where_they_stand(instruction: str, call: Sequence[Any]) -> None:
    tasks = [call] if "hold" not in instruction else [("tee", "a.txt")]
    assert found(instruction, *tasks) == []


@pytest.mark.parametrize(
    ("instruction", "call"),
    [
        ("remove Anna's draft.txt", ("rm", "Anna's", "draft.txt")),
        ("rename café.txt to b.txt", ("mv", "cafÃ©.txt", "b.txt")),
        ("link copy.txt to original.txt", ("ln", "original.txt", "original.txt")),
    ],
)
def test_a_missing_name_is_an_error_in_a_model_s_plan_that_writes(
    instruction: str, call: Sequence[Any]
) -> None:
    assert found(instruction, call) == [(MISSING_NAME, "error")]
    assert found(instruction, call, by_model=False) == [(MISSING_NAME, "warning")]


def test_a_missing_name_is_a_warning_where_nothing_is_written() -> None:
    assert found("sort notes.txt", ("sort", "note.txt")) == [(MISSING_NAME, "warning")]
    assert found('remove what "foo bar" is in', ("rm", "foo")) == [(MISSING_NAME, "warning")]


@pytest.mark.parametrize(
    ("instruction", "call", "rules"),
    [
        ("print the twelve biggest files", ("ls", "-S"), [MISSING_NUMBER]),
        ("print the twelve biggest files", ("head", "-n", "12"), []),
        ("files of the last 7 days", ("find", ".", "-mtime", "-7"), []),
        ("files of the last 24 hours", ("find", ".", "-mtime", "-1"), []),
        ("files of more than 10 MB", ("find", ".", "-size", "+10485760c"), []),
        ("files older than two weeks", ("find", ".", "-mtime", "+14"), []),
        ("show the two files a and b", ("cat", "a", "b"), []),
    ],
)
def test_a_number_counts_in_any_unit(instruction: str, call: Sequence[Any], rules: list[str]) -> None:
    assert found(instruction, call) == [(rule, "advice") for rule in rules]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["rm", {"glob": "x*y"}], ["x*y"]),
        (["find", ".", "-name", "x*y"], [".", "-name", "x[*]y"]),
        (["rm", "x*y"], ["x*y"]),
    ],
)
def test_a_name_with_a_wildcard_is_taken_literally(args: list[Any], expected: list[Any]) -> None:
    plan, findings = read_draft(
        {"tasks": [{"command": args[0], "args": args[1:]}]},
        unix_registry(),
        instruction='delete the file named "x*y"',
        metadata=METADATA,
    )
    assert list(plan.tasks[0].args) == expected
    assert [one.rule for one in findings if one.rule == "normalised"] == ["normalised"] * (
        args[1:] != expected
    )
    assert not [one for one in findings if one.rule == MISSING_NAME]


def test_a_name_that_looks_like_an_option_is_a_file() -> None:
    plan, _ = read_draft(
        {"tasks": [{"command": "rm", "args": ["-rf"]}, {"command": "find", "args": [".", "-name", "-rf"]}]},
        unix_registry(),
        instruction='remove the file "-rf"',
        metadata=METADATA,
    )
    assert [list(task.args) for task in plan.tasks] == [["./-rf"], [".", "-name", "-rf"]]


@pytest.mark.parametrize("instruction", ["delete what fits x*y", "delete all files named 'x*y'"])
def test_a_pattern_that_is_not_one_file_s_name_stays_one(instruction: str) -> None:
    plan, _ = read_draft(
        {"tasks": [{"command": "rm", "args": [{"glob": "x*y"}]}]},
        unix_registry(),
        instruction=instruction,
        metadata=METADATA,
    )
    assert plan.tasks[0].model_dump(mode="json")["args"] == [{"glob": "x*y"}]
