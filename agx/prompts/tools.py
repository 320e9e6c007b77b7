"""The tools as a model reads them: listed in the system text, and as functions for chat templates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agx.plan.tools import Registry, ToolInfo

MAX_DESCRIBED_TOOLS = 64


def listings(tools: Registry) -> list[str]:
    """Return the paragraphs that list the tools: with descriptions and schemas while they are few."""
    if len(tools) > MAX_DESCRIBED_TOOLS:
        return ["Tools: " + " ".join(tool.name for tool in tools)]
    commands = [tool for tool in tools if tool.schema is None]
    functions = _functions(tools)
    title = "Functions:" if commands else "Tools:"
    return [
        *([_listed("Tools:", commands)] if commands else []),
        *([_listed(title, functions)] if functions else []),
    ]


def template_tools(tools: Registry) -> tuple[tuple[dict[str, Any], ...], str]:
    """Return the functions in OpenAI's form, and the one of `listings` that says the same.

    There are none where the tools are too many to be described.
    """
    functions = _functions(tools) if len(tools) <= MAX_DESCRIBED_TOOLS else []
    return tuple(map(_as_function, functions)), listings(tools)[-1] if functions else ""


def _functions(tools: Registry) -> list[ToolInfo]:
    return [tool for tool in tools if tool.schema is not None]


def _listed(title: str, tools: Iterable[ToolInfo]) -> str:
    lines = [title]
    for tool in tools:
        schema = "" if tool.schema is None else " " + json.dumps(tool.schema, ensure_ascii=False)
        lines.append(f"- {tool.name}: {tool.description}{schema}")
    return "\n".join(lines)


def _as_function(tool: ToolInfo) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}} | dict(tool.schema or {})
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}
