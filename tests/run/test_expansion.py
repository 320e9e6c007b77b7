"""Typed values become arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agx.plan.schema import Argument
from agx.run.expansion import Expanded, Surroundings, depends_on_output, expand, variables
from agx.run.record import TaskProblem
from tests.plan.helpers import task

OUTPUTS = {1: "a  b\n\tc", 2: "", 3: "nul\0", 4: "*", 5: "-rf x"}


def items(*values: Any) -> tuple[Argument, ...]:
    return task("x", *values).args


def expanded(folder: Path, *values: Any, **environ: str) -> Expanded:
    return expand(items(*values), Surroundings(folder, environ, OUTPUTS.__getitem__))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a 1.txt", "-dash.txt", "b.txt", "$x", "nested/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("*.txt", ["*.txt"]),
        ("$A", ["$A"]),
        ({"glob": "*.txt"}, ["./-dash.txt", "a 1.txt", "b.txt"]),
        ({"glob": "-*"}, ["./-dash.txt"]),
        ({"glob": "plain"}, ["plain"]),
        ({"glob": "-x"}, ["./-x"]),
        ({"env": "A"}, ["* b  c"]),
        ({"env": "EMPTY"}, [""]),
        ({"task": 1}, ["a  b\n\tc"]),
        ({"task": 1, "split": True}, ["a", "b", "c"]),
        ({"task": 2}, [""]),
        ({"task": 2, "split": True}, []),
        ({"task": 4, "split": True}, ["*"]),
        ({"task": 5, "split": True}, ["-rf", "x"]),
        ({"text": ["<", {"task": 1, "split": True}, ">"]}, ["<a  b\n\tc>"]),
        ({"text": ["n", {"env": "A"}, {"task": 4}]}, ["n* b  c*"]),
        ({"text": ["nest", {"glob": "*/*.txt"}]}, ["nested/c.txt"]),
        ({"text": [{"env": "NESTED"}, {"glob": "/*"}]}, ["nested/c.txt"]),
        ({"text": [{"env": "DOLLAR"}, {"glob": "*"}]}, ["$x"]),
        ({"text": ["-", {"glob": "d*"}]}, ["./-dash.txt"]),
        ({"text": ["-I", {"glob": "no/*"}]}, ["-Ino/*"]),
        ({"glob": "-no*"}, ["./-no*"]),
    ],
    ids=str,
)
def test_values(value: Any, expected: list[str], folder: Path) -> None:
    args = expanded(folder, value, A="* b  c", EMPTY="", NESTED="nested", DOLLAR="$").args
    assert list(args) == expected


def test_a_pattern_without_a_match_stays_and_is_told(folder: Path) -> None:
    """As a shell does, also where the text before it has wildcards of its own."""
    assert expanded(folder, {"glob": "*.c"}) == (
        ("*.c",),
        ("no file matches *.c: the pattern itself is passed, as a shell does",),
    )
    assert expanded(folder, {"text": [{"env": "A"}, {"glob": "/*.c"}]}, A="x*").args == ("x*/*.c",)


def test_arguments_keep_their_order(folder: Path) -> None:
    args = expanded(folder, "z", {"glob": "[ab]*.txt"}, {"task": 1, "split": True}, "y").args
    assert args == ("z", "a 1.txt", "b.txt", "a", "b", "c", "y")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"env": "MISSING"}, "the variable MISSING is not set"),
        ({"text": ["x", {"env": "MISSING"}]}, "the variable MISSING is not set"),
        ({"task": 3}, "the output of task 3 has a NUL character"),
        ({"task": 3, "split": True}, "the output of task 3 has a NUL character"),
    ],
    ids=str,
)
def test_what_no_argument_can_hold_is_a_problem_with_a_hint(value: Any, message: str, folder: Path) -> None:
    with pytest.raises(TaskProblem, match=message) as caught:
        expanded(folder, value)
    assert caught.value.hint


def test_what_arguments_need_can_be_asked_beforehand() -> None:
    written = task("x", {"env": "A"}, {"text": [{"env": "B"}, {"glob": "*"}]}, "C", {"env": "A"})
    assert list(variables(written)) == ["A", "B", "A"]
    flags = [
        depends_on_output(item) for item in items({"task": 1}, {"text": ["a", {"task": 1}]}, {"glob": "*"})
    ]
    assert flags == [True, True, False]
