"""Arguments against their tools: `arguments` by the tool's JSON Schema, `args` where it has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from agx.plan.schema import Finding, Task
from agx.plan.tools import Registry, ToolInfo

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


def check(tasks: Sequence[Task], registry: Registry) -> tuple[Finding, ...]:
    """Give an error for each task whose arguments do not fit its tool."""
    return tuple(
        Finding(severity="error", task=task.task_number, rule="arguments", message=message, hint=hint)
        for task in tasks
        if (tool := registry.get(task.command)) is not None
        for message, hint in _problems(task, tool)
    )


def _problems(task: Task, tool: ToolInfo) -> Iterator[tuple[str, str]]:
    if tool.schema is None:
        if task.arguments is not None:
            yield f"{tool.name} takes a list `args`, not named `arguments`", "write its arguments as `args`"
        return
    if task.arguments is None:
        yield f"{tool.name} takes named `arguments`", "write an object that fits the tool's schema"
        return
    for error in _validator(_Schema(tool.schema)).iter_errors(task.arguments):
        if not _stands_for_output(task.arguments, error.absolute_path):
            pointer = "/" + "/".join(str(part) for part in error.absolute_path)
            yield f"the arguments of {tool.name} do not fit at {pointer}: {error.message[:200]}", ""


class _Schema:
    """A schema that can be a cache key: by identity, which a registry keeps."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Schema) and other.schema is self.schema


@cache
def _validator(schema: _Schema) -> Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only tools with schemas need it

    return Draft202012Validator(dict(schema.schema))


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"task"} and isinstance(value["task"], int)



def _stands_for_output(arguments: Any, path: Sequence[Any]) -> bool:
    """Say whether what did not fit is `{"task": n}`, whose value is known only when the plan runs."""
    value = arguments
    for part in path:
        value = value[part]
        if _is_reference(value):
            return True
    return _is_reference(value)
