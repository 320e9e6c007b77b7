"""Reading what AGX itself wrote: exactly the form of a value here, and nothing is put right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, model_validator

from agx.errors import PlanInvalid
from agx.plan.reading import validation_findings
from agx.plan.schema import MAX_TASKS, Task, Value, check_numbers

Kind = TypeVar("Kind", bound=Value)


class _TaskList(Value):
    tasks: Annotated[tuple[Task, ...], Field(max_length=MAX_TASKS)]

    @model_validator(mode="after")
    def _numbered(self) -> _TaskList:
        check_numbers(self.tasks)
        return self


def exact_tasks(rows: Sequence[Mapping[str, Any]]) -> tuple[Task, ...]:
    """Read tasks that are numbered 1, 2, 3, …, none as well; raises `PlanInvalid`."""
    return exact(_TaskList, {"tasks": rows}).tasks


def exact(kind: type[Kind], data: Mapping[str, Any]) -> Kind:
    """Read a value of a kind from its JSON form; raises `PlanInvalid` with findings where it is another."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        findings = validation_findings(error)
        raise PlanInvalid(
            f"it does not have the form of a plan: {findings[0].message}",
            hint="see `agx schema plan`",
            findings=[finding.model_dump() for finding in findings],
        ) from error
