"""What goes into a planning and what comes out of it: `PlanContext`, `GeneratedPlan`, changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    plan is continued; `max_tasks` bounds the plan, and `limits` each of its tasks.
    """

    tools: Registry = field(default_factory=unix_registry)
    input_summary: str | None = None
    existing_tasks: tuple[Task, ...] = ()
    max_tasks: int = DEFAULT_MAX_TASKS
    limits: TaskLimits = field(default_factory=TaskLimits)


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
