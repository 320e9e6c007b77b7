"""The bounds of a task that a model may write, and the check that a plan keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.errors import UsageError
from agx.plan.schema import (
    MAX_ARGS,
    MAX_ARGUMENT_CHARS,
    MAX_PATH_CHARS,
    MAX_TEXT_PARTS,
    Argument,
    Finding,
    Glob,
    Task,
    Text,
)
from agx.util.frozen import dataclass

_RANGES = {
    "max_args": (0, MAX_ARGS),
    "max_arg_chars": (1, MAX_ARGUMENT_CHARS),
    "max_path_chars": (1, MAX_PATH_CHARS),
    "max_text_parts": (1, MAX_TEXT_PARTS),
}


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """The bounds of each task; counts are inclusive, lengths in characters.

    They hold for `args` and `save_to`; a tool's own schema bounds its `arguments`.
    """

    max_args: int = 32
    max_arg_chars: int = 512
    max_path_chars: int = 256
    max_text_parts: int = 8

    def __post_init__(self) -> None:
        """Raise `UsageError` for a limit that no plan can have."""
        for name, (least, most) in _RANGES.items():
            limit = getattr(self, name)
            if not least <= limit <= most:
                raise UsageError(f"{name} cannot be {limit}", hint=f"use {least} to {most}")


def check(tasks: Sequence[Task], limits: TaskLimits) -> tuple[Finding, ...]:
    """Return an error for every task that runs past a limit: not every backend keeps to a schema."""
    return tuple(
        Finding(severity="error", task=task.task_number, message=message, rule="limits")
        for task in tasks
        for message in _excesses(task, limits)
    )


def _excesses(task: Task, limits: TaskLimits) -> Iterator[str]:
    """Say what is too much, the first of each kind."""
    parts = [len(item.text) for item in task.args if isinstance(item, Text)]
    measured = (
        ("arguments", len(task.args), limits.max_args),
        ("characters in one argument", _longest(task.args), limits.max_arg_chars),
        ("parts in one text", max(parts, default=0), limits.max_text_parts),
        ("characters in a path", len(task.save_to or task.append_to or ""), limits.max_path_chars),
    )
    for what, number, limit in measured:
        if number > limit:
            yield f"it has {number} {what}; {limit} are allowed"


def _longest(items: Sequence[Argument]) -> int:
    return max((_length(item) for item in items), default=0)


def _length(item: Argument) -> int:
    """Return the characters of the longest literal or pattern; a name of a variable has its own bound."""
    if isinstance(item, str):
        return len(item)
    if isinstance(item, Text):
        return _longest(item.text)
    return len(item.glob) if isinstance(item, Glob) else 0
