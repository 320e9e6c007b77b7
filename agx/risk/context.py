"""What goes into a planning and what comes out of it: `PlanContext`, `GeneratedPlan`."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Literal

from agx.plan.changes import TaskChange
from agx.plan.limits import TaskLimits
from agx.plan.schema import Finding, Plan, PlanMetadata, Task
from agx.plan.tools import Registry
from agx.unix.registry import unix_registry
from agx.util.frozen import dataclass

DEFAULT_MAX_TASKS = 10

MaxRisk = Literal["read", "write", "any"]


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a planning may use besides the instruction.

    `input_summary` describes input data (it is never obeyed); `existing_tasks` are in view when a
    plan is continued; `max_tasks` bounds the plan, and `limits` each of its tasks. `tools` and
    `max_tasks` None are the planner's own, and without a planner the Unix commands and 10.

    `forbidden` tools and those above `max_risk` are not offered to the model, and a plan that uses
    one all the same, in its arguments too, is not valid. `offered` names the tools that are offered,
    where they were chosen among many.
    """

    tools: Registry | None = None
    input_summary: str | None = None
    existing_tasks: tuple[Task, ...] = ()
    max_tasks: int | None = None
    limits: TaskLimits = field(default_factory=TaskLimits)
    forbidden: frozenset[str] = frozenset()
    max_risk: MaxRisk = "any"
    offered: tuple[str, ...] | None = None

    @property
    def registry(self) -> Registry:
        """The tools that may be called."""
        return unix_registry() if self.tools is None else self.tools

    @property
    def task_limit(self) -> int:
        """How many tasks the plan may have."""
        return DEFAULT_MAX_TASKS if self.max_tasks is None else self.max_tasks

    def within(self, *, tools: Registry, max_tasks: int) -> PlanContext:
        """Return the context with a planner's own tools and limit where it names none."""
        chosen = tools if self.tools is None else self.tools
        return replace(self, tools=chosen, max_tasks=max_tasks if self.max_tasks is None else self.max_tasks)


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
