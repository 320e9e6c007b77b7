"""The native dialect as a grammar: from registry and limits to the tool calls that a model may write.

What is written is one call or more, in a frame of the model's own format, with the arguments by the schema
of its tool. There is no text around the calls, and no call of a tool that the registry lacks. A value
in the arguments may be `{"task": n}`, the output of an earlier call, as in the plan's own form.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agx.errors import UsageError
from agx.grammar.lark import lark_series
from agx.grammar.plan_schema import EARLIER, PlanLimits, task_at, with_definitions
from agx.grammar.tool_schema import Schema, tool_definitions
from agx.plan.tools import Registry, ToolInfo
from agx.toolcalls.formats import CallFormat
from agx.util.json_schema import DEFINITIONS


def can_write(tools: Registry) -> bool:
    """Return whether the native dialect has a form for every tool: whether all are functions."""
    return all(tool.schema is not None for tool in tools)


@lru_cache(maxsize=8)
def native_grammar(tools: Registry, limits: PlanLimits, call_format: CallFormat) -> str:
    """Return the Lark grammar of the calls that a model may write with these tools in its format.

    Each text that it ends is a plan within the limits. Raises `UsageError` for a command, which has no
    schema, and `RegistryInvalid` and `ConstraintFailed` for a schema that cannot be compiled.
    """
    if not can_write(tools):
        raise UsageError("the dialect native has a form for functions only", hint="use the dialect json")
    definitions = _calls("first", tuple(tools), call_format)
    if limits.max_tasks > 1:
        definitions |= _calls("later", tuple(tools), call_format) | {
            "output": _object({"task": EARLIER}),
            "earlier": {"$dynamicAnchor": "earlier", "enum": []},
        }
    places = [task_at(number) for number in range(1, limits.max_tasks + 1)]
    return lark_series(with_definitions(definitions), places, call_format.frames)


def _calls(form: str, tools: Sequence[ToolInfo], call_format: CallFormat) -> dict[str, Any]:
    """Return the definition of a call, `first` or `later`, and those of its arguments."""
    definitions: dict[str, Any] = {}
    calls = []
    output = {"$ref": DEFINITIONS + "output"} if form == "later" else None
    for index, tool in enumerate(tools):
        name = f"{form}_arguments{index}"
        definitions |= tool_definitions(
            tool.name, tool.schema or {}, name=name, output=output, left_out=tool.left_out
        )
        arguments = {"$ref": DEFINITIONS + name}
        calls.append(_object({"name": {"const": tool.name}, call_format.arguments_key: arguments}))
    return definitions | {form: calls[0] if len(calls) == 1 else {"anyOf": calls}}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
