"""From registry and limits to the JSON Schema of what a model writes.

The schema describes `{"tasks":[{"command", "args"|"arguments", "input_from_task"?, "save_to"?}]}` and
nothing else of a plan. It is plain JSON Schema (draft 2020-12), which any validator reads;
`x-guidance` is llguidance's own key, and keeps the text free of white space.

A task may name earlier tasks only, and yet the schema lists the tools once, however many tasks there
are: the numbers that may be named are a `$dynamicRef`, and the task at each position binds it. The first
task, which has no earlier one, has a form of its own::

    {"prefixItems": [{"$ref": "urn:agx:calls#/$defs/first"},
                     {"$ref": "urn:agx:calls#/$defs/later", "$id": "urn:agx:task2",
                      "$defs": {"earlier": {"$dynamicAnchor": "earlier", "enum": [1]}}}, …]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agx.plan.limits import TaskLimits
from agx.plan.tools import ToolInfo
from agx.util.frozen import dataclass
from agx.util.json_schema import DEFINITIONS

if TYPE_CHECKING:
    from agx.grammar.tool_schema import Schema

# No control character, raw or escaped: C0, DEL and C1. `{low,high}` counts characters.
_PRINTABLE = r"[^\u0000-\u001f\u007f-\u009f]"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
_CALLS = "urn:agx:calls"
EARLIER = {"$dynamicRef": "#earlier"}


@dataclass(frozen=True, slots=True)
class PlanLimits(TaskLimits):
    """The bounds of a plan that a model may write: those of each task, and the number of tasks."""

    max_tasks: int = 10


def plan_schema(tools: Sequence[ToolInfo], limits: PlanLimits) -> Schema:
    """Return the JSON Schema of the plans that a model may write with these tools.

    A tool with a `schema` takes `arguments` by that schema, any other tool takes `args`. Raises
    `RegistryInvalid` for a schema that does not describe an object, or has a dangling reference.
    """
    tasks = {
        "type": "array",
        "prefixItems": [task_at(number) for number in range(1, limits.max_tasks + 1)],
        "items": False,
        "minItems": 1,
        "maxItems": limits.max_tasks,
    }
    calls = _shared_definitions(tools, limits) | _calls("first", tools, limits)
    if limits.max_tasks > 1:
        calls |= _calls("later", tools, limits)
    return (
        _object({"tasks": tasks})
        | {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:agx:plan",
            "x-guidance": {"whitespace_flexible": False},
        }
        | with_definitions(calls)
    )


def with_definitions(calls: Schema) -> Schema:
    """Return the part of a schema that has the definitions to which `task_at` refers."""
    return {"$defs": {"calls": {"$id": _CALLS, "$defs": calls}}}


def task_at(number: int) -> Schema:
    """Return the schema of the task at a position: a reference to the definition `first` or `later`."""
    if number == 1:
        return {"$ref": _CALLS + DEFINITIONS + "first"}
    earlier = {"$dynamicAnchor": "earlier", "enum": list(range(1, number))}
    return {
        "$id": f"urn:agx:task{number}",
        "$ref": _CALLS + DEFINITIONS + "later",
        "$defs": {"earlier": earlier},
    }


def _shared_definitions(tools: Sequence[ToolInfo], limits: PlanLimits) -> dict[str, Schema]:
    """Return the definitions that all tasks share; each task binds which tasks are earlier ones."""
    return {
        "literal": _string(0, limits.max_arg_chars),
        "glob": _object({"glob": _string(1, limits.max_arg_chars)}),
        "env": _object({"env": {"type": "string", "pattern": _VARIABLE}}),
        "path": _string(1, limits.max_path_chars),
        "command": {"enum": [tool.name for tool in tools if tool.schema is None]},
        "output": _object({"task": EARLIER}),
        "words": _object({"task": EARLIER, "split": {"const": True}}, optional=("split",)),
        "earlier": {"$dynamicAnchor": "earlier", "enum": []},
    }


def _calls(form: str, tools: Sequence[ToolInfo], limits: PlanLimits) -> dict[str, Any]:
    """Return the definition of a task, `first` or `later`, and the definitions that only it needs."""
    ends: Schema = {"save_to": _ref("path")}
    if form == "later":
        ends = {"input_from_task": EARLIER} | ends
    definitions: dict[str, Any] = {}
    tasks = []
    if any(tool.schema is None for tool in tools):
        definitions = _args(form, limits)
        call = {"command": _ref("command"), "args": _ref(f"{form}_args")}
        tasks.append(_object(call | ends, optional=tuple(ends)))
    for index, tool in enumerate(tools):
        if tool.schema is not None:
            name = f"{form}_arguments{index}"
            output = _ref("output") if form == "later" else None
            from agx.grammar.tool_schema import tool_definitions  # noqa: PLC0415  heavy, and commands have none

            definitions |= tool_definitions(
                tool.name, tool.schema, name=name, output=output, left_out=tool.left_out
            )
            if form == "first":  # errors of the compiler name the tool by this
                definitions[name]["$comment"] = f"the tool {tool.name!r}"
            call = {"command": {"const": tool.name}, "arguments": _ref(name)}
            tasks.append(_object(call | ends, optional=tuple(ends)))
    return definitions | {form: tasks[0] if len(tasks) == 1 else {"anyOf": tasks}}


def _args(form: str, limits: PlanLimits) -> dict[str, Schema]:
    """Return the definition of a command's arguments in a task of this form."""
    values = [_ref("literal"), _ref("glob"), _ref("env")]
    if form == "later":
        values.append(_ref("words"))
    text = _array({"anyOf": values}, at_least=1, at_most=limits.max_text_parts)
    argument = {"anyOf": [*values, _object({"text": text})]}
    return {f"{form}_args": _array(argument, at_least=0, at_most=limits.max_args)}


def _ref(name: str) -> Schema:
    return {"$ref": DEFINITIONS + name}


def _string(at_least: int, at_most: int) -> Schema:
    return {"type": "string", "pattern": f"^{_PRINTABLE}{{{at_least},{at_most}}}$"}


def _array(items: Schema, *, at_least: int, at_most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": at_least, "maxItems": at_most}


def _object(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    """Return an object with these keys in this order, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
