"""A plan that is being built, step by step.

A step reads the plan from its buffer, changes it and puts it back, under the buffer's lock; a step that
raises leaves the plan as it was. What takes long, a model or a person with an editor, works without
the lock on the plan as it was (`base`), and its result is taken in only where the plan is still that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agx.errors import UsageError
from agx.plan.changes import TaskChange, change_summary, task_changes, with_kept_limits
from agx.plan.editing import WhenRead, existing, insert_tasks, move_task, remove_task
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Finding, Plan, Task
from agx.plan.tools import Registry
from agx.plan.validation import exact_tasks
from agx.risk.assess import with_risk
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import check_tasks, refuse_errors
from agx.session.task_edit import TaskChanger, TaskEdit, edited_tasks, task_rows
from agx.session.wording import added_sentence, called_text, task_text
from agx.shell.parse import read_shell
from agx.store.buffer import PlanBuffer, require_plan
from agx.util.texts import shortened

InputFrom = int | Literal["last"] | None
LoadTools = Callable[[Sequence[str]], Registry]


@dataclass(frozen=True, slots=True)
class StepResult:
    """The plan after a step, what was done in words, and what there is to say of the step itself."""

    plan: OpenPlan
    done: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Validation:
    """A plan that was found valid, with its findings; `changes` is None where Delta was not asked."""

    plan: OpenPlan
    findings: tuple[Finding, ...]
    changes: tuple[TaskChange, ...] | None = None


class PlanSession:
    """The plan in a buffer, and the steps that build it; `load_tools` makes a registry of a plan's files."""

    def __init__(self, buffer: PlanBuffer, *, load_tools: LoadTools) -> None:
        self._buffer = buffer
        self._load_tools = load_tools

    def __repr__(self) -> str:
        return f"<PlanSession in {self._buffer.path}>"

    def plan(self) -> OpenPlan:
        """Return the plan; raises `UsageError` where none was begun, and `StorageError`."""
        return self._buffer.current()

    def optional_plan(self) -> OpenPlan | None:
        """Return the plan, or None where none was begun; raises `StorageError`."""
        return self._buffer.read()

    def registry(self, plan: OpenPlan) -> Registry:
        """Return the tools that a plan is built with; raises `RegistryInvalid`."""
        return self._load_tools(plan.tools)

    def assessed(self, plan: OpenPlan) -> Plan:
        """Return the plan with its risks computed; raises `UsageError` where it has no tasks."""
        return with_risk(plan.plan(), self.registry(plan))

    def findings(self, plan: OpenPlan) -> tuple[Finding, ...]:
        """Return what there is to say about a plan as it stands: nothing where it has no tasks."""
        return check_tasks(plan.tasks, self.registry(plan)) if plan.tasks else ()

    def checked(self, plan: OpenPlan) -> tuple[Finding, ...]:
        """Return the findings; raises `PlanInvalid` where they make the plan impossible to run."""
        findings = self.findings(plan)
        refuse_errors(findings, "")
        return findings

    def begin(self, plan: OpenPlan, *, force: bool = False) -> StepResult:
        """Begin a plan; raises `UsageError` where one is unfinished, unless `force` is set."""

        def begun(old: OpenPlan | None) -> tuple[OpenPlan, str]:
            if old is not None and old.tasks and not old.is_finished and not force:
                raise _unfinished(old)
            return plan, 'began a plan; add to it with agx plan add "…"'

        return StepResult(*self._buffer.change(begun))

    def set_aside(self) -> Path | None:
        """Rename a buffer that cannot be read; returns its new name, None where it is in order."""
        return self._buffer.set_aside()

    def add_command(self, text: str, *, input_from: InputFrom = None) -> StepResult:
        """Add the tasks of a shell text; raises what reading it raises."""
        reading = read_shell(text)

        def appended(plan: OpenPlan) -> tuple[Task, ...]:
            return insert_tasks(plan.tasks, reading.plan.tasks, input_from=source_of(plan, input_from))

        result = self._append(appended, asked=reading.plan.instruction.strip())
        num_before = len(result.plan.tasks) - len(reading.plan.tasks)
        findings = (
            one.model_copy(update={"task": one.task and one.task + num_before}) for one in reading.findings
        )
        return replace(result, findings=tuple(findings))

    def add_json(self, text: str) -> StepResult:
        """Add the tasks of a JSON text, whose numbers are those of the plan as it will stand."""

        def appended(plan: OpenPlan) -> tuple[Task, ...]:
            rows = enumerate(task_rows(text), start=len(plan.tasks) + 1)
            numbered = [{"task_number": number, **row} for number, row in rows]
            if not numbered:
                raise UsageError("there are no tasks in this list", hint="give at least one")
            return exact_tasks([*(task.to_dict() for task in plan.tasks), *numbered])

        return self._append(appended)

    def _append(
        self, appended: Callable[[OpenPlan], tuple[Task, ...]], *, asked: str | None = None
    ) -> StepResult:
        def added(old: OpenPlan | None) -> tuple[OpenPlan, str]:
            plan = old or OpenPlan.begun()
            tasks = appended(plan)
            new = tasks[len(plan.tasks) :]
            plan = plan.with_tasks(tasks, asked=called_text(new) if asked is None else asked)
            self.checked(plan)
            return plan, added_sentence(new)

        return StepResult(*self._buffer.change(added))

    def add_generated(
        self, base: OpenPlan, generated: GeneratedPlan, *, instruction: str, input_from: int | None
    ) -> StepResult:
        """Add what a model planned with `base` in view; tasks that came meanwhile stay before it.

        Raises `UsageError` where the plan has changed otherwise.
        """

        def added(old: OpenPlan | None) -> tuple[OpenPlan, str]:
            plan = old or base
            is_longer = plan.tasks[: len(base.tasks)] == base.tasks
            if not is_longer and (input_from is not None or plan.plan_id != base.plan_id):
                raise _changed_meanwhile()
            tasks = insert_tasks(plan.tasks, generated.tasks, input_from=input_from)
            new = tasks[len(plan.tasks) :]
            plan = plan.with_tasks(tasks, asked=instruction)
            self.checked(plan)
            return plan, added_sentence(new)

        return StepResult(*self._buffer.change(added))

    def edit(self, number: int | None, edit: TaskEdit, *, instruction: str | None = None) -> StepResult:
        """Change a task, or what the plan is for, or both."""
        changer = None if number is None or not edit.given else TaskChanger(number, edit)

        def edited(plan: OpenPlan) -> tuple[OpenPlan, str]:
            done = "changed what the plan is for"
            if instruction is not None:
                plan = plan.with_instruction(instruction)
            if changer is not None:
                plan, done = changer.applied(plan)
            return plan, done

        result = self._change(edited)
        return result if changer is None else replace(result, findings=changer.findings)

    def edited(self, base: OpenPlan, text: str, number: int | None) -> OpenPlan:
        """Return the plan as an editor left its JSON; raises `UsageError` and `PlanInvalid`."""
        plan = base.with_tasks(edited_tasks(text, base, number))
        self.checked(plan)
        return plan

    def commit(self, base: OpenPlan, plan: OpenPlan, done: str) -> StepResult:
        """Put a plan in the place of `base`; raises `UsageError` where that was changed meanwhile."""

        def committed(old: OpenPlan | None) -> tuple[OpenPlan, str]:
            if old != base:
                raise _changed_meanwhile()
            return plan, done

        return StepResult(*self._buffer.change(committed))

    def remove(self, number: int, *, when_read: WhenRead = "refuse") -> StepResult:
        """Take a task away; `when_read` says what becomes of those that read it."""

        def removed(plan: OpenPlan) -> tuple[OpenPlan, str]:
            tasks = remove_task(plan.tasks, number, when_read=when_read)
            more = len(plan.tasks) - len(tasks) - 1
            also = f" and {more} that read it" if more else ""
            return plan.with_tasks(tasks), f"removed task {number}{also}: {task_text(plan.tasks[number - 1])}"

        return self._change(removed)

    def move(self, number: int, to: int) -> StepResult:
        """Move a task to another place."""

        def moved(plan: OpenPlan) -> tuple[OpenPlan, str]:
            tasks = move_task(plan.tasks, number, to)
            return plan.with_tasks(tasks), f"moved task {number} to {to}: {task_text(tasks[to - 1])}"

        return self._change(moved)

    def undo(self, count: int = 1) -> tuple[str, ...]:
        """Take back the last steps; returns what they had done, the last first."""
        return self._buffer.undo(count)

    def validated_by_rules(self, base: OpenPlan) -> Validation:
        """Return the plan as the rules find it valid; raises `UsageError` and `PlanInvalid`."""
        base.plan()  # which raises where there are no tasks
        return Validation(base.finished(base.tasks, base.metadata), self.checked(base))

    def validated_by_delta(self, base: OpenPlan, refined: GeneratedPlan) -> Validation:
        """Return the plan as Delta refined it, with what it changed."""
        tasks = with_kept_limits(base.tasks, refined.tasks)
        plan = base.finished(tasks, refined.metadata)
        return Validation(plan, refined.findings, task_changes(self.assessed(base).tasks, tasks))

    def accept(self, base: OpenPlan, validation: Validation) -> None:
        """Take a valid plan in; raises `UsageError` where `base` was changed meanwhile."""
        if validation.plan != base:
            summary = change_summary(validation.changes or ())
            self.commit(base, validation.plan, f"validated the plan: {summary}")

    def _change(self, edit: Callable[[OpenPlan], tuple[OpenPlan, str]]) -> StepResult:
        def changed(old: OpenPlan | None) -> tuple[OpenPlan, str]:
            plan, done = edit(require_plan(old))
            self.checked(plan)
            return plan, done

        return StepResult(*self._buffer.change(changed))


def source_of(plan: OpenPlan, input_from: InputFrom) -> int | None:
    """Return the number of the task that new tasks read; raises `UsageError` where there is no last one."""
    if input_from != "last":
        return input_from
    if not plan.tasks:
        raise UsageError("there is no task yet whose output could be read", hint="leave --pipe out")
    return len(plan.tasks)


def source_summary(plan: OpenPlan, number: int) -> str:
    """Describe to a model the input data that is a task's output."""
    return f"It is the output of: {task_text(existing(plan.tasks, number))}"


def refining_context(plan: OpenPlan, context: PlanContext) -> PlanContext:
    """Return the context for refining: a plan built by hand may have more tasks than a model is allowed."""
    return replace(context, max_tasks=max(context.task_limit, len(plan.tasks)))


def _unfinished(plan: OpenPlan) -> UsageError:
    plural = "" if len(plan.tasks) == 1 else "s"
    what = f": {shortened(plan.goal, 60)}" if plan.goal else ""
    return UsageError(
        f"there is an unfinished plan with {len(plan.tasks)} task{plural}{what}",
        hint="finish it with `agx plan validate`, or begin anew with --force",
    )


def _changed_meanwhile() -> UsageError:
    error = UsageError(
        "the plan was changed by another process meanwhile; nothing was done to it",
        hint="look at it with `agx plan preview`, and try again",
    )
    error.retryable = True
    return error
