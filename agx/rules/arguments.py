"""Arguments against their tools: `arguments` by the tool's JSON Schema, `args` where it has none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from agx.errors import RegistryInvalid
from agx.plan.schema import Finding, Task, output_reference
from agx.plan.tools import Registry, ToolInfo
from agx.util.patterns import PatternError
from agx.util.texts import shortened

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

_MAX_PROBLEMS = 10
_MAX_SHOWN_CHARS = 200


def check(tasks: Sequence[Task], registry: Registry) -> tuple[Finding, ...]:
    """Return an error for each place where a task's arguments do not fit its tool.

    Raises `RegistryInvalid` for a tool whose schema is invalid, or points outside itself.
    """
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
    for error in _misfits(tool.name, tool.schema, task.arguments):
        pointer = "/" + "/".join(str(part) for part in error.absolute_path)
        where, why = shortened(pointer, _MAX_SHOWN_CHARS), shortened(error.message, _MAX_SHOWN_CHARS)
        yield f"the arguments of {tool.name} do not fit at {where}: {why}", ""


def _misfits(name: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[ValidationError]:
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - only tools with schemas need it

    try:
        errors = _validator(_Schema(schema)).iter_errors(arguments)
        known = (error for error in errors if not _is_about_output(error, arguments))
        return list(islice(known, _MAX_PROBLEMS))
    except (Unresolvable, RecursionError, PatternError, re.error) as error:
        raise RegistryInvalid(
            f"the schema of {name} cannot be followed: {type(error).__name__}: {error}"[:200],
            hint="let every $ref point into the schema itself, and every pattern be a regular expression",
        ) from error


class _Schema:
    """A schema that can be a cache key: by identity, which a registry keeps."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Schema) and other.schema is self.schema


@cache
def _validator(schema: _Schema) -> Draft202012Validator:
    from agx.rules.schema_validator import (  # noqa: PLC0415 - only tools with schemas need it
        schema_errors,
        validator_of,
    )

    try:
        error = next(schema_errors(schema.schema), None)
    except RecursionError as too_deep:
        raise _no_schema("it is nested too deeply") from too_deep
    if error is not None:
        raise _no_schema(error.message)
    return validator_of(schema.schema)


def _no_schema(reason: str) -> RegistryInvalid:
    return RegistryInvalid(
        f"the schema of a tool is no JSON Schema: {reason}"[:200], hint="correct the registry"
    )


def _is_about_output(error: ValidationError, arguments: Mapping[str, Any]) -> bool:
    """Return whether nothing but the value of an output, known only when the plan runs, does not fit.

    Of alternatives none fits by itself; it is enough that one has no other fault.
    """
    if _stands_for_output(arguments, error.absolute_path):
        return True
    if error.validator == "contains" and isinstance(error.instance, list):
        return any(output_reference(item) is not None for item in error.instance)
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    return any(all(_is_about_output(inner, arguments) for inner in branch) for branch in branches.values())


def _stands_for_output(arguments: Mapping[str, Any], path: Sequence[str | int]) -> bool:
    """Return whether what did not fit is `{"task": n}`, whose value is known only when the plan runs."""
    value: Any = arguments
    for part in path:
        value = value[part]
        if output_reference(value) is not None:
            return True
    return False
