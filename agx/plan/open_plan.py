"""A plan that is being built: it may have no tasks yet, and knows what it is being built for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from agx.errors import UsageError
from agx.plan.changes import origins_of
from agx.plan.schema import (
    MAX_TASKS,
    Plan,
    PlanId,
    PlanMetadata,
    Task,
    Value,
    check_numbers,
    new_plan_id,
)


class OpenPlan(Value):
    """One state of a plan that is being built. Its task numbers are 1-based and contiguous.

    `instruction` is what the whole is for, where somebody said so; `asked` has, for each task, what
    was asked for when it was added, or "". `tools` are the files of the registry, none for the Unix
    commands. `is_finished` holds from the time it was found valid and stored until it is changed
    again, and so does `metadata`.
    """

    plan_id: PlanId
    instruction: str = ""
    tasks: Annotated[tuple[Task, ...], Field(max_length=MAX_TASKS)] = ()
    asked: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    is_finished: bool = False
    metadata: PlanMetadata | None = None

    @model_validator(mode="after")
    def _numbered(self) -> OpenPlan:
        check_numbers(self.tasks)
        if len(self.asked) != len(self.tasks):
            message = f"there are {len(self.asked)} texts in `asked` for {len(self.tasks)} tasks"
            raise ValueError(message)
        return self

    @classmethod
    def begun(
        cls, instruction: str = "", *, tasks: Sequence[Task] = (), tools: tuple[str, ...] = ()
    ) -> OpenPlan:
        """Begin a plan, with an id of its own."""
        asked = ("",) * len(tasks)
        return cls(
            plan_id=new_plan_id(), instruction=instruction, tasks=tuple(tasks), asked=asked, tools=tools
        )

    @property
    def goal(self) -> str:
        """What the plan is for: its instruction, or what was asked for task by task."""
        return self.instruction or ", then ".join(dict.fromkeys(filter(None, self.asked)))

    def with_tasks(self, tasks: Sequence[Task], *, asked: str = "") -> OpenPlan:
        """Return the plan with other tasks; `asked` is what those were asked for with that are new."""
        texts = [asked if old is None else self.asked[old] for old in origins_of(self.tasks, tasks)]
        return self._unfinished({"tasks": tuple(tasks), "asked": tuple(texts)})

    def with_instruction(self, instruction: str) -> OpenPlan:
        """Return the plan with another statement of what it is for."""
        return self._unfinished({"instruction": instruction})

    def with_asked(self, number: int, asked: str) -> OpenPlan:
        """Return the plan with another statement of what a task was asked for with."""
        texts = (*self.asked[: number - 1], asked, *self.asked[number:])
        return self._unfinished({"asked": texts})

    def finished(self, tasks: Sequence[Task], metadata: PlanMetadata | None) -> OpenPlan:
        """Return the plan as it was found valid, with what produced it."""
        update = {"is_finished": True, "metadata": metadata, "plan_id": self.plan_id}
        return self.with_tasks(tasks).model_copy(update=update)

    def _unfinished(self, update: dict[str, Any]) -> OpenPlan:
        # What was finished stays what it was: the changed plan gets an id of its own.
        plan_id = new_plan_id() if self.is_finished else self.plan_id
        state = {"plan_id": plan_id, "is_finished": False, "metadata": None}
        return self.model_copy(update=state | update)

    def plan(self) -> Plan:
        """Return it as a plan, whose risks are still to be computed; raises `UsageError` without tasks."""
        if not self.tasks:
            raise UsageError("the plan has no tasks yet", hint='add one: agx plan add "…"')
        return Plan(plan_id=self.plan_id, instruction=self.goal, tasks=self.tasks, metadata=self.metadata)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        data = self.model_dump(mode="json", exclude={"tasks"}, exclude_none=True)
        return data | {"tasks": [_without_risk(task) for task in self.tasks]}


def _without_risk(task: Task) -> dict[str, Any]:
    # It is computed whenever the plan is shown.
    data = task.to_dict()
    del data["risk"]
    return data
