"""Worked examples for functions, made from the schemas of the registry itself.

The bank has no plans for a user's functions, and yet an example shows a model how calls are written, that
there may be several, and where they end. So there are two: one of two calls, and one of a single call. Their
names are the registry's own. Their values are what the schemas name, and otherwise mere numbers and ordinals,
so that nothing leaks that is not in the registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import ceil, isfinite
from typing import Any

from agx.plan.schema import Task
from agx.plan.tools import Registry, ToolInfo
from agx.prompts.examples import Example
from agx.risk.context import PlanContext
from agx.risk.policy import offered
from agx.rules import arguments

MOST_CHARS = 600
"""What a made example may take; tools whose calls are longer have none."""

_ORDINALS = ("first", "second", "third")
_MOST_ARGUMENTS = 8


def made_examples(context: PlanContext, *, at_most: int) -> tuple[Example, ...]:
    """Return at most two examples for the functions on offer, that of a single call last.

    They are the same for every instruction. There are none where no tool has a call short enough.
    """
    tools = sorted(_with_calls(offered(context)), key=lambda tool: len(json.dumps(_arguments(tool, 0))))
    if not tools or not at_most:
        return ()
    first, second = tools[0], tools[min(1, len(tools) - 1)]
    single = _example((first, 0))
    if at_most == 1 or context.task_limit == 1:
        return (single,)
    return (_example((first, 1), (second, 2)), single)


def _with_calls(tools: Registry) -> Iterator[ToolInfo]:
    """Yield the tools that have a call for each ordinal which fits their schema, and is short."""
    for tool in tools:
        examples = [_example((tool, place)) for place in range(len(_ORDINALS))]
        is_short = all(len(each.plan_text) <= MOST_CHARS // 2 for each in examples)
        if is_short and not any(arguments.check(each.tasks, tools) for each in examples):
            yield tool


def _example(*calls: tuple[ToolInfo, int]) -> Example:
    tasks = tuple(
        Task(task_number=number, command=tool.name, arguments=_arguments(tool, place))
        for number, (tool, place) in enumerate(calls, start=1)
    )
    return Example(f"Use {', then '.join(map(_said, tasks))}.", tasks)


def _said(task: Task) -> str:
    """Return a call in words: the tool, and each argument with its value."""
    said = [
        f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in (task.arguments or {}).items()
    ]
    return f"{task.command} with {' and '.join(said)}" if said else task.command


def _arguments(tool: ToolInfo, place: int) -> dict[str, Any]:
    value = _value({"type": "object", **(tool.schema or {})}, place)
    return value if isinstance(value, dict) else {}


def _value(schema: object, place: int) -> object:  # noqa: PLR0911  a table of types
    """Return a value that fits most schemas of its type: another one for each place."""
    if not isinstance(schema, Mapping):
        return _ORDINALS[place]
    named = schema.get("enum")
    if isinstance(named, list) and named:
        return named[place % len(named)]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "integer":
            return max(place + 1, ceil(_minimum(schema)))
        case "number":
            return max(place + 1.5, _minimum(schema))
        case "boolean":
            return place % 2 == 0
        case "array":
            return [_value(schema.get("items"), place)]
        case "object":
            return _object(schema, place)
        case _:
            return _ORDINALS[place]


def _minimum(schema: Mapping[str, Any]) -> float:
    """Return the least number; one that is none, or endless, counts as 0: the call is checked anyway."""
    least = schema.get("minimum", 0)
    return least if isinstance(least, int | float) and isfinite(least) else 0


def _object(schema: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return an object with the first names that are listed, those that are optional among them."""
    properties = schema.get("properties")
    parts = [*properties.items()][:_MOST_ARGUMENTS] if isinstance(properties, Mapping) else []
    return {name: _value(part, place) for name, part in parts}
