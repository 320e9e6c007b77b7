"""Between tasks and calls: what of a plan can be said as tool calls."""

from __future__ import annotations

from collections.abc import Sequence

from agx.plan.schema import Task
from agx.toolcalls.formats import Call


def calls_of(tasks: Sequence[Task]) -> list[Call] | None:
    """Return tasks as calls; None where one is a command, or reads or saves what no call can say."""
    calls: list[Call] = []
    for task in tasks:
        if task.arguments is None or task.input_from_task is not None or task.saves_output:
            return None
        calls.append((task.command, task.arguments))
    return calls
