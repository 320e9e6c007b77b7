"""Tasks and changes in words."""

from __future__ import annotations

import pytest

from agx.plan.changes import TaskChange
from agx.session.wording import added_sentence, called_text, change_sentence, task_text
from tests.plan.helpers import task

LS = task("ls", "-l")
SORT = task("sort", number=2, input_from_task=1, save_to="my file")


def test_a_task_is_one_line() -> None:
    assert task_text(SORT) == "sort (input: task 1) > 'my file'"
    assert task_text(task("wc", append_to="log")) == "wc >> log"
    assert called_text((LS, SORT)) == "ls -l | sort > 'my file'"


def test_added_tasks_have_their_numbers() -> None:
    assert added_sentence([LS]) == "added task 1: ls -l"
    assert added_sentence([LS, task("ps", number=2)]) == "added tasks 1: ls -l; 2: ps"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (TaskChange("removed", LS, None), "removed draft task 1: ls -l"),
        (TaskChange("added", None, LS), "added task 1: ls -l"),
        (TaskChange("moved", task("ls", number=3), LS), "moved draft task 3 to 1: ls -l"),
        (TaskChange("changed", task("ls"), LS), "changed task 1: ls -> ls -l"),
    ],
    ids=lambda value: value.kind if isinstance(value, TaskChange) else None,
)
def test_each_kind_of_change_is_a_sentence(change: TaskChange, sentence: str) -> None:
    assert change_sentence(change) == sentence
