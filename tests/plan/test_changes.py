"""What Delta changed: each task that was added, removed, changed or moved, and the summary."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agx.plan.changes import change_summary, task_changes, with_kept_limits
from agx.plan.editing import insert_tasks, move_task
from agx.plan.schema import Task
from tests.plan.helpers import task


def kinds(draft: list[Task], refined: list[Task]) -> list[tuple[str | None, ...]]:
    """Return each change as its kind and the commands before and after."""
    return [
        (change.kind, *(one.command if one is not None else None for one in (change.before, change.after)))
        for change in task_changes(draft, refined)
    ]


def chain(*commands: str | tuple[str, ...], **fields: Any) -> list[Task]:
    """Make a pipeline: each command reads the one before; a tuple has arguments."""
    rows = [(command,) if isinstance(command, str) else command for command in commands]
    return [
        task(*row, number=number, input_from_task=number - 1 or None, **fields)
        for number, row in enumerate(rows, start=1)
    ]


FIND, SORT, UNIQ = task("find", "."), task("sort", number=2), task("uniq", number=3)


def test_a_draft_that_is_kept_has_no_changes() -> None:
    assert task_changes([FIND, SORT], [FIND, SORT]) == ()
    retimed = [FIND.model_copy(update={"timeout_secs": 5, "risk": ("reads",)})]
    assert task_changes([FIND], retimed) == (), "only what a model writes is compared"


@pytest.mark.parametrize(
    ("draft", "refined", "changes"),
    [
        ([FIND], [FIND, SORT], [("added", None, "sort")]),
        ([FIND, SORT], [FIND], [("removed", "sort", None)]),
        ([FIND, UNIQ], [FIND, SORT, UNIQ], [("added", None, "sort")]),
        ([FIND], [task("find", "/")], [("changed", "find", "find")]),
        ([FIND, SORT], [SORT], [("removed", "find", None)]),
        ([FIND], [SORT, UNIQ], [("changed", "find", "sort"), ("added", None, "uniq")]),
        ([SORT, UNIQ], [FIND], [("changed", "sort", "find"), ("removed", "uniq", None)]),
        ([], [FIND], [("added", None, "find")]),
    ],
    ids=["append", "drop", "insert", "change", "drop-first", "one-to-two", "two-to-one", "from-nothing"],
)
def test_changes_are_told_task_by_task(
    draft: list[Task], refined: list[Task], changes: list[tuple[str | None, ...]]
) -> None:
    assert kinds(draft, refined) == changes


def test_a_changed_redirection_or_input_is_a_change() -> None:
    for fields in ({"save_to": "a"}, {"append_to": "a"}, {"input_from_task": 1}):
        assert kinds([SORT], [task("sort", number=2, **fields)]) == [("changed", "sort", "sort")]


def test_a_change_has_a_json_form() -> None:
    (change,) = task_changes([FIND], [FIND, SORT])
    assert change.as_dict() == {"kind": "added", "before": None, "after": SORT.to_dict()}


@pytest.mark.parametrize(
    ("draft", "refined", "changes"),
    [
        (
            chain("cat", "sort", "head"),
            chain("cat", "head", "sort"),
            [("moved", "head", "head"), ("changed", "sort", "sort")],
        ),
        (
            chain("cat", "uniq"),
            chain("cat", "sort", "uniq"),
            [("added", None, "sort"), ("changed", "uniq", "uniq")],
        ),
        (
            chain("sort", "uniq"),
            list(insert_tasks(chain("sort", "uniq"), [task("ls")], at=1)),
            [("added", None, "ls")],
        ),
        (
            chain("cat", "sort", "uniq"),
            chain("sort", "uniq"),
            [("removed", "cat", None), ("changed", "sort", "sort")],
        ),
        (
            chain("cut", "sort"),
            chain(("sort", "-r"), "head"),
            [("removed", "cut", None), ("changed", "sort", "sort"), ("added", None, "head")],
        ),
        (chain("cat", ("sort", "-n")), chain("tac", ("sort", "-n")), [("changed", "cat", "tac")]),
    ],
    ids=["swap", "put between", "put before", "drop the first", "same tool", "what it reads was changed"],
)
def test_references_are_compared_by_the_task_they_name(
    draft: list[Task], refined: list[Task], changes: list[tuple[str | None, ...]]
) -> None:
    """A number that only follows its task is no change; another source is one."""
    assert kinds(draft, refined) == changes


def test_one_edit_is_one_change() -> None:
    """Whatever is put in, taken out or moved in a list of different tasks, nothing else is reported."""
    rng = random.Random(7)
    for _ in range(300):
        length = rng.randint(1, 8)
        tasks = [task("echo", str(number), number=number) for number in range(1, length + 1)]
        place, other = rng.randint(1, length), rng.randint(1, length)
        new = list(insert_tasks(tasks, [task("ls"), task("ps", number=2)], at=place))
        assert [kind for kind, *_ in kinds(tasks, new)] == ["added", "added"]
        assert [kind for kind, *_ in kinds(new, tasks)] == ["removed", "removed"]
        reordered = list(move_task(tasks, place, other))
        assert [kind for kind, *_ in kinds(tasks, reordered)] == ["moved"] * (place != other)


def test_the_summary_counts_each_kind() -> None:
    changes = task_changes(chain("cat", "sort", "head"), chain("cat", "head", "sort", ("wc", "-l")))
    assert change_summary(changes) == "1 added, 1 changed, 1 moved"
    assert change_summary(()) == "nothing changed"


def test_time_limits_stay_with_their_tasks() -> None:
    """A model writes no limits: what it kept, moved or changed has the limit it had."""
    draft = chain("cat", "sort", "head", timeout_secs=7)
    refined = chain("cat", ("sort", "-r"), "uniq")
    assert [one.timeout_secs for one in with_kept_limits(draft, refined)] == [7, 7, 7]
    added = chain("ls", "cat", "sort", "head")
    assert [one.timeout_secs for one in with_kept_limits(draft, added)] == [300, 7, 7, 7]
