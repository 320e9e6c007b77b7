"""What went in and came out: contexts, generated plans, and what Delta changed."""

from __future__ import annotations

import pytest

from agx.plan.context import DEFAULT_MAX_TASKS, GeneratedPlan, PlanContext, task_changes
from agx.plan.schema import PlanMetadata, Task
from agx.plan.tools import unix_registry
from tests.plan.helpers import plan_of, task


def kinds(draft: list[Task], refined: list[Task]) -> list[tuple[str | None, ...]]:
    """Give each change as its kind and the commands before and after."""
    return [
        (change.kind, *(one.command if one is not None else None for one in (change.before, change.after)))
        for change in task_changes(draft, refined)
    ]


FIND, SORT, UNIQ = task("find", "."), task("sort", number=2), task("uniq", number=3)


def test_a_context_has_the_unix_tools_unless_told_otherwise() -> None:
    context = PlanContext()
    assert context.registry is unix_registry()
    assert context.task_limit == DEFAULT_MAX_TASKS
    assert context.existing_tasks == ()


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


def test_a_generated_plan_gives_its_tasks_and_metadata() -> None:
    metadata = PlanMetadata(backend="scripted", model="none")
    plan = plan_of({"command": "ls"}).model_copy(update={"metadata": metadata})
    generated = GeneratedPlan(plan=plan)
    assert generated.tasks == plan.tasks
    assert generated.metadata is metadata
    assert generated.changes is None
