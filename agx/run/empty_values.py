"""Empty values where a path begins: `rm -rf "$T"/*` with an empty `T` is meant for a folder, and gets `/`.

A shell refuses an unset variable at most (`set -u`), and an empty one never. Here a task that does more than
read is refused where a path of its arguments begins with an empty variable or an empty output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.run.environment import own_risk
from agx.unix.calls import Call
from agx.unix.word_roles import roles

_BEFORE_PATHS = ("=", ":", ",")


@dataclass(frozen=True, slots=True)
class Guard:
    """Which values of one argument may not be empty: `is_operand` where the whole of it is a path."""

    is_operand: bool


def guards(task: Task, registry: Registry) -> list[Guard | None]:
    """Return the guard of each argument; none where the task only reads, whatever becomes of its output."""
    if set(own_risk(task, registry)) <= {"reads"}:
        return [None] * len(task.args)
    return [Guard(role.is_operand) for role in roles(task.command, Call.of(task).words)]


def begins_empty(texts: Sequence[str], place: int, guard: Guard) -> bool:
    """Return whether the value at a place, which is empty, begins a path; `texts` are those of a word."""
    before, behind = "".join(texts[:place]), "".join(texts[place + 1 :])
    if before and not before.endswith(_BEFORE_PATHS):
        return False
    return behind != "" or guard.is_operand or before != ""
