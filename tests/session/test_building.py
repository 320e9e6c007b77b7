"""A plan that is built step by step, without a command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agx.app.registries import registry_of_files
from agx.errors import AgxError, PlanInvalid, UsageError
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Plan, PlanMetadata
from agx.risk.context import GeneratedPlan, PlanContext
from agx.session.building import PlanSession, refining_context, source_of, source_summary
from agx.session.task_edit import TaskEdit
from agx.store.buffer import PlanBuffer
from tests.plan.helpers import plan_of, task

METADATA = PlanMetadata(backend="scripted", model="script", role="delta")


@pytest.fixture
def buffer(tmp_path: Path) -> PlanBuffer:
    return PlanBuffer(tmp_path / "buffer.json")


@pytest.fixture
def session(buffer: PlanBuffer) -> PlanSession:
    return PlanSession(buffer, load_tools=registry_of_files)


def calls(plan: OpenPlan) -> list[tuple[str, int | None]]:
    """Return each task's command, and what it reads."""
    return [(one.command, one.input_from_task) for one in plan.tasks]


def generated(plan: Plan) -> GeneratedPlan:
    """Return a plan as a planner gives it."""
    return GeneratedPlan(plan.model_copy(update={"metadata": METADATA}))


def test_each_step_says_what_it_did(session: PlanSession) -> None:
    assert session.optional_plan() is None
    assert session.begin(OpenPlan.begun("count")).done.startswith("began a plan")
    added = session.add_command("find . -name '*.rs' | sort")
    assert added.done == "added tasks 1: find . -name '*.rs'; 2: sort (input: task 1)"
    assert session.add_json('{"command": "uniq", "input_from_task": 2}').done.startswith("added task 3: uniq")
    assert session.move(3, 3).done == "moved task 3 to 3: uniq (input: task 2)"
    removed = session.remove(2, when_read="reconnect")
    assert calls(removed.plan) == [("find", None), ("uniq", 1)]
    assert session.remove(1, when_read="cascade").done.startswith("removed task 1 and 1 that read it: find")
    assert session.undo(2) == (
        "removed task 1 and 1 that read it: find . -name '*.rs'",
        "removed task 2: sort (input: task 1)",
    )
    assert calls(session.plan()) == [("find", None), ("sort", 1), ("uniq", 2)]
    assert session.plan().goal == "count"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda session: session.add_command("ls; ps"), "joins commands"),
        (lambda session: session.add_command("no-such-tool"), "no tool named 'no-such-tool'"),
        (lambda session: session.add_command("sort", input_from=9), "there is no task 9"),
        (lambda session: session.add_json("{"), "no JSON"),
        (lambda session: session.add_json("[]"), "no tasks in this list"),
        (lambda session: session.add_json("[1]"), "a task is a JSON object"),
        (
            lambda session: session.add_json('{"command": "sort", "input_from_task": 3}'),
            "not an earlier task",
        ),
        (lambda session: session.remove(1), "task 2 reads the output of task 1"),
        (lambda session: session.move(2, 1), "task 2 reads task 1"),
        (lambda session: session.edit(1, TaskEdit(input_from=2)), "not an earlier task"),
        (lambda session: session.edit(1, TaskEdit(task="[]")), "there is no task in this list"),
        (lambda session: session.edit(5, TaskEdit(command="ls")), "there is no task 5"),
        (lambda session: session.begin(OpenPlan.begun()), "an unfinished plan with 2 tasks"),
        (lambda session: session.undo(9), "9 changes cannot be undone"),
    ],
)
def test_a_step_that_raises_changes_nothing(
    session: PlanSession, buffer: PlanBuffer, step: object, message: str
) -> None:
    session.add_command("find . | sort")
    before = buffer.path.read_bytes()
    assert callable(step)
    with pytest.raises(AgxError, match=message):
        step(session)
    assert buffer.path.read_bytes() == before


def test_findings_about_shell_text_have_the_numbers_of_the_plan(session: PlanSession) -> None:
    session.add_command("ls")
    added = session.add_command("cat x | find . -name *.c")
    assert [(one.task, one.message) for one in added.findings] == [(3, "*.c goes to the tool as it is")]
    edited = session.edit(2, TaskEdit(command="cat x 2>/dev/null"))
    assert [one.task for one in edited.findings] == [2]


def test_what_a_model_planned_comes_behind_what_was_added_meanwhile(session: PlanSession) -> None:
    base = session.add_command("ls").plan
    session.add_command("ps")
    planned = generated(plan_of({"command": "sort"}))
    result = session.add_generated(base, planned, instruction="sort them", input_from=1)
    assert calls(result.plan) == [("ls", None), ("ps", None), ("sort", 1)]
    assert result.plan.asked[-1] == "sort them"
    session.remove(1, when_read="cascade")
    with pytest.raises(UsageError, match="changed by another process") as caught:
        session.add_generated(base, planned, instruction="again", input_from=1)
    assert caught.value.retryable


def test_an_edited_plan_is_taken_in_only_for_the_one_it_was_made_of(session: PlanSession) -> None:
    base = session.add_command("ls | sort").plan
    with pytest.raises(PlanInvalid):
        session.edited(base, '[{"command": "no-such-tool"}]', None)
    plan = session.edited(base, '{"command": "sort", "args": ["-r"], "input_from_task": 1}', 2)
    assert session.commit(base, plan, "by hand").done == "by hand"
    assert session.plan().tasks[1].args == ("-r",)
    with pytest.raises(UsageError, match="changed by another process"):
        session.commit(base, plan, "again")


def test_a_plan_is_validated_by_the_rules(session: PlanSession) -> None:
    with pytest.raises(UsageError, match="no tasks yet"):
        session.validated_by_rules(OpenPlan.begun())
    base = session.add_command("ls").plan
    validation = session.validated_by_rules(base)
    assert (validation.changes, validation.plan.is_finished) == (None, True)
    session.accept(base, validation)
    assert session.plan().is_finished
    assert session.begin(OpenPlan.begun()).plan.tasks == (), "a finished plan needs no force"


def test_what_delta_changed_is_compared_with_risks_and_keeps_time_limits(session: PlanSession) -> None:
    session.add_command("find . -name '*.rs' | ls")
    base = session.edit(1, TaskEdit(timeout_secs=7)).plan
    refined = generated(
        plan_of({"command": "find", "args": [".", "-name", "*.rs"]}, {"command": "wc", "input_from_task": 1})
    )
    validation = session.validated_by_delta(base, refined)
    assert [one.timeout_secs for one in validation.plan.tasks] == [7, 300]
    assert validation.changes is not None
    assert [(one.kind, one.before and one.before.risk) for one in validation.changes] == [
        ("changed", ("reads",))
    ]
    session.accept(base, validation)
    assert session.plan().metadata == METADATA
    assert session.undo() == ("validated the plan: 1 changed",)


def test_where_new_tasks_read_from() -> None:
    plan = OpenPlan.begun(tasks=[task("ls")])
    assert (source_of(plan, None), source_of(plan, 3), source_of(plan, "last")) == (None, 3, 1)
    assert source_summary(plan, 1) == "It is the output of: ls"
    with pytest.raises(UsageError, match="no task yet"):
        source_of(OpenPlan.begun(), "last")


def test_delta_may_write_as_many_tasks_as_there_are() -> None:
    plan = OpenPlan.begun(tasks=[task("ls", number=number) for number in range(1, 13)])
    assert refining_context(plan, PlanContext(max_tasks=5)).max_tasks == 12
    assert refining_context(OpenPlan.begun(), PlanContext(max_tasks=5)).max_tasks == 5


def test_a_plan_has_tools_of_its_own(session: PlanSession, tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([{"name": "probe", "description": "Probes."}]))
    session.begin(OpenPlan.begun(tools=(str(tools),)))
    with pytest.raises(PlanInvalid, match="no tool named 'ls'"):
        session.add_command("ls")
    assert calls(session.add_command("probe").plan) == [("probe", None)]
