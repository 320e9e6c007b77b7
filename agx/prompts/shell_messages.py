"""The system text for a model that writes a pipeline: short, since a general model knows the commands.

The constraint holds the model to the tools that are offered, so they are named only where that is a help:
where few are left, where a few are left out, or where a registry has commands of its own.
"""

from __future__ import annotations

import json

from agx.prompts.messages import INPUT_DATA, MAX_DESCRIBED_TOOLS, listings
from agx.risk.context import PlanContext
from agx.risk.policy import offered

_RULES = """\
Write the Bash command that does what the instruction asks, with its own names and values.
Answer with the command alone, on one line, without an explanation. A pipeline has at most {most} commands."""


def shell_system_text(context: PlanContext) -> str:
    """Return the system message: rules, tools where they are few, existing tasks, the input's summary."""
    parts = [_RULES.format(most=context.task_limit), *_tools(context)]
    if context.existing_tasks:
        tasks = [task.written() for task in context.existing_tasks]
        parts.append(
            f"These tasks exist already: {json.dumps(tasks, ensure_ascii=False)}\n"
            "Write only what is to be added behind them."
        )
    if context.input_summary:
        parts.append(INPUT_DATA + context.input_summary)
    return "\n\n".join(parts)


def _tools(context: PlanContext) -> list[str]:
    tools = offered(context)
    if tools.kind != "unix":
        return listings(tools)
    left_out = [tool.name for tool in context.registry if tool.name not in tools]
    if left_out and len(tools) <= MAX_DESCRIBED_TOOLS:
        return [f"Use only these commands: {' '.join(tool.name for tool in tools)}"]
    if 0 < len(left_out) <= MAX_DESCRIBED_TOOLS:
        return [f"Never use these commands: {' '.join(left_out)}"]
    return []
