"""Registry and limits to the JSON Schema of what a model writes.

The schema describes `{"tasks":[{"command", "args"|"arguments", "input_from_task"?, "save_to"?}]}` and
nothing else of a plan. Tasks are unrolled by position, so that a reference can name earlier tasks
only. It is plain JSON Schema (draft 2020-12), which any validator reads; `x-guidance` is llguidance's
own key, and keeps white space out of what is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agx.plan.limits import TaskLimits
from agx.plan.tools import ToolInfo

# No control character, raw or escaped: C0, DEL and C1. `{low,high}` counts characters.
_PRINTABLE = r"[^\u0000-\u001f\u007f-\u009f]"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
_PARTS = "#/$defs/"

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlanLimits(TaskLimits):
    """The bounds of a plan that a model may write: those of each task, and the number of tasks."""

    max_tasks: int = 10


def plan_schema(tools: Sequence[ToolInfo], limits: PlanLimits) -> Schema:
    """Give the JSON Schema of the plans that may be written with these tools.

    A tool with a `schema` takes `arguments` by that schema, every other one takes `args`.
    """
    definitions = _shared_definitions(tools, limits)
    for number in range(1, limits.max_tasks + 1):
        definitions |= _task_definitions(number, tools=tools, limits=limits)
    numbers = range(1, limits.max_tasks + 1)
    tasks = {
        "type": "array",
        "prefixItems": [_ref(f"task{number}") for number in numbers],
        "items": False,
        "minItems": 1,
        "maxItems": limits.max_tasks,
    }
    return _object({"tasks": tasks}) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-guidance": {"whitespace_flexible": False},
        "$defs": definitions,
    }


def _shared_definitions(tools: Sequence[ToolInfo], limits: PlanLimits) -> dict[str, Schema]:
    """Give what is the same in every task."""
    shared: dict[str, Schema] = {
        "literal": _string(0, limits.max_arg_chars),
        "glob": _object({"glob": _string(1, limits.max_arg_chars)}),
        "env": _object({"env": {"type": "string", "pattern": _VARIABLE}}),
        "path": _string(1, limits.max_path_chars),
    }
    commands = [tool.name for tool in tools if tool.schema is None]
    if commands:
        shared["command"] = {"enum": commands}
    for index, tool in enumerate(tools):
        if tool.schema is not None:
            name = f"arguments{index}"
            moved = _moved(tool.schema, into=_PARTS + name)
            # Whoever cannot compile the schema names the tool by this.
            shared[name] = moved | {"$comment": f"the tool {tool.name!r}"}
    return shared


def _task_definitions(number: int, *, tools: Sequence[ToolInfo], limits: PlanLimits) -> dict[str, Schema]:
    """Give the definitions of the task at position `number`, which may name the tasks before it."""
    earlier = list(range(1, number))
    values = [_ref("literal"), _ref("glob"), _ref("env")]
    if earlier:
        split: Schema = {"task": {"enum": earlier}, "split": {"const": True}}
        values.append(_object(split, optional=("split",)))
    text = _array({"anyOf": values}, at_least=1, at_most=limits.max_text_parts)
    argument = {"anyOf": [*values, _object({"text": text})]}
    args = _array(_ref(f"argument{number}"), at_least=0, at_most=limits.max_args)
    calls = _calls(tools, args=args)
    ends: Schema = {"input_from_task": {"enum": earlier}} if earlier else {}
    ends["save_to"] = _ref("path")
    tasks = [_object(call | ends, optional=tuple(ends)) for call in calls]
    task = tasks[0] if len(tasks) == 1 else {"anyOf": tasks}
    return {f"argument{number}": argument, f"task{number}": task}


def _calls(tools: Sequence[ToolInfo], *, args: Schema) -> list[Schema]:
    """Give the ways to call a tool: one for all commands, and one for each tool with a schema."""
    functions = [(index, tool.name) for index, tool in enumerate(tools) if tool.schema is not None]
    calls = [
        {"command": {"const": name}, "arguments": _ref(f"arguments{index}")} for index, name in functions
    ]
    if len(functions) < len(tools):
        calls.insert(0, {"command": _ref("command"), "args": args})
    return calls


def _moved(schema: Mapping[str, Any], *, into: str) -> Schema:
    """Give a tool's schema with its references to itself (`#…`) changed to where it now stands."""
    return {key: _moved_value(key, value, into=into) for key, value in schema.items()}


def _moved_value(key: str, value: object, *, into: str) -> object:
    if key == "$ref" and isinstance(value, str) and value.startswith("#"):
        return into + value.removeprefix("#")
    if isinstance(value, Mapping):
        return _moved(value, into=into)
    if isinstance(value, (list, tuple)):
        return [_moved_value("", each, into=into) for each in value]
    return value


def _ref(name: str) -> Schema:
    return {"$ref": _PARTS + name}


def _string(at_least: int, at_most: int) -> Schema:
    return {"type": "string", "pattern": f"^{_PRINTABLE}{{{at_least},{at_most}}}$"}


def _array(items: Schema, *, at_least: int, at_most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": at_least, "maxItems": at_most}


def _object(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    """Give an object with these keys in this order, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
