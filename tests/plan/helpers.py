"""What the tests of plans share: short ways to make tasks, plans and a registry."""

from __future__ import annotations

from typing import Any

from agx.plan.schema import Plan, Task
from agx.plan.tools import Registry, ToolInfo

PLAN_ID = "plan_1"


def task(command: str, *args: Any, number: int = 1, **fields: Any) -> Task:
    """Make a task; dictionaries among the arguments become typed values."""
    return Task.model_validate({"task_number": number, "command": command, "args": args, **fields})


def plan_of(*tasks: dict[str, Any], instruction: str = "do it") -> Plan:
    """Make a plan from what a model would write; numbers are filled in."""
    rows = [{"task_number": number, **row} for number, row in enumerate(tasks, start=1)]
    return Plan.model_validate({"plan_id": PLAN_ID, "instruction": instruction, "tasks": rows})


def function_registry() -> Registry:
    """Return a registry of two functions, as a user's file would name them."""
    place = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    note = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "task": {"type": "integer", "maximum": 9},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    return Registry.of(
        (
            ToolInfo("get_weather", "The weather of a city", schema=place, risk=("network",)),
            ToolInfo("write_note", "Keeps a note", schema=note, risk=("writes",)),
        )
    )
