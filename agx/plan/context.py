"""What goes into a planning and what comes out of it: `PlanContext`, `GeneratedPlan`, changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any, Literal

from agx.plan.limits import TaskLimits
from agx.plan.schema import Finding, Plan, PlanMetadata, Task
from agx.plan.tools import Registry, unix_registry

DEFAULT_MAX_TASKS = 10


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a planning may use besides the instruction.

    `input_summary` describes input data (it is never obeyed); `existing_tasks` are in view when a
    plan is continued; `max_tasks` bounds the plan, and `limits` each of its tasks. `tools` and
    `max_tasks` None are the planner's own, and without a planner the Unix commands and 10.
    """

    tools: Registry | None = None
    input_summary: str | None = None
    existing_tasks: tuple[Task, ...] = ()
    max_tasks: int | None = None
    limits: TaskLimits = field(default_factory=TaskLimits)

    @property
    def registry(self) -> Registry:
        """The tools that may be called."""
        return unix_registry() if self.tools is None else self.tools

    @property
    def task_limit(self) -> int:
        """How many tasks the plan may have."""
        return DEFAULT_MAX_TASKS if self.max_tasks is None else self.max_tasks

    def within(self, *, tools: Registry, max_tasks: int) -> PlanContext:
        """Give the context with a planner's own tools and limit where it names none."""
        chosen = tools if self.tools is None else self.tools
        return replace(self, tools=chosen, max_tasks=max_tasks if self.max_tasks is None else self.max_tasks)


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What Delta did to one task: numbers are those of the draft (`before`) and the plan (`after`)."""

    kind: Literal["added", "removed", "changed"]
    before: Task | None
    after: Task | None

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON form."""
        before = None if self.before is None else self.before.to_dict()
        after = None if self.after is None else self.after.to_dict()
        return {"kind": self.kind, "before": before, "after": after}


@dataclass(frozen=True, slots=True)
class GeneratedPlan:
    """A validated plan with what is to be said about it; `text` is what the model wrote.

    `changes` is None unless Delta refined a draft, and empty where it kept the draft as it was.
    """

    plan: Plan
    findings: tuple[Finding, ...] = ()
    changes: tuple[TaskChange, ...] | None = None
    text: str = ""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The plan's tasks."""
        return self.plan.tasks

    @property
    def metadata(self) -> PlanMetadata:
        """What produced the plan."""
        assert self.plan.metadata is not None
        return self.plan.metadata


def task_changes(draft: Sequence[Task], refined: Sequence[Task]) -> tuple[TaskChange, ...]:
    """Compare two lists of tasks: what was added, removed or changed, in order."""
    before, after = (
        [json.dumps(task.written(), sort_keys=True) for task in tasks] for tasks in (draft, refined)
    )
    changes: list[TaskChange] = []
    for tag, first, last, start, stop in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        old, new = draft[first:last], refined[start:stop]
        paired = min(len(old), len(new))
        changes += [TaskChange("changed", *pair) for pair in zip(old, new, strict=False)]
        changes += [TaskChange("removed", task, None) for task in old[paired:]]
        changes += [TaskChange("added", None, task) for task in new[paired:]]
    return tuple(changes)
