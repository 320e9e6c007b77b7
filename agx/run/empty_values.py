"""Empty values where a path begins: `rm -rf "$T"/*` with an empty `T` is meant for a folder, and gets `/`.

A shell refuses an unset variable at most (`set -u`), and an empty one never. Here a task that does more than
read is refused where a path of its arguments begins with an empty variable or an empty output, and where a
whole name in a path is empty and the folder before it is left: `rm -rf "$DIR/$NAME"`. The last is refused in
tasks that destroy, and in others where the folder is the root, the home or one above (`"/$T"`, `"../$T"`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import normpath

from agx.plan.schema import Argument, Env, Task
from agx.plan.tools import Registry
from agx.risk.written_paths import is_system
from agx.run.environment import own_risk
from agx.unix.calls import Call
from agx.unix.word_roles import roles

# What stands before a path in a word: `--file=`, `of=`, `host:`, and letters of options (`-C`).
_BEFORE_PATH = re.compile(r"(?:.*[=:,]|-[A-Za-z]+)?", re.DOTALL)
_NAME_IS_OVER = ("/", "*", "?", "[")
_WHOLE_PLACES = ("", ".", "..", "~")


@dataclass(frozen=True, slots=True)
class Guard:
    """Which values of one argument may not be empty.

    `is_operand` holds where the whole of it is a path, and `destroys` where its task is destructive.
    """

    is_operand: bool
    destroys: bool = False


def guards(task: Task, registry: Registry) -> list[Guard | None]:
    """Return the guard of each argument; none where the task only reads, whatever becomes of its output.

    A program or a pattern of the tool's own is no path.
    """
    risk = set(own_risk(task, registry))
    if risk <= {"reads"}:
        return [None] * len(task.args)
    return [
        None if role.is_pattern else Guard(role.is_operand, destroys="destructive" in risk)
        for role in roles(task.command, Call.of(task).words)
    ]


def changes_place(parts: Sequence[Argument], texts: Sequence[str], place: int, guard: Guard) -> bool:
    """Return whether a path is another place because the value at `place` is empty.

    `texts` are those of the parts of one argument.
    """
    before, behind = "".join(texts[:place]), "".join(texts[place + 1 :])
    given = _BEFORE_PATH.match(before)
    assert given is not None, "it matches an empty text"
    path = before[given.end() :]
    if not path:
        is_letters = given[0].startswith("-") and not given[0].endswith(("=", ":", ","))
        if is_letters:
            return behind.startswith("/")
        return behind != "" or guard.is_operand or before != ""
    is_name = path.endswith("/") and (not behind or behind.startswith(_NAME_IS_OVER))
    return is_name and (guard.destroys or _is_whole_place(path, parts[:place]))


def _is_whole_place(path: str, parts: Sequence[Argument]) -> bool:
    """Return whether a folder is one that no task means as a whole: the root, a home, one above."""
    is_home = len(parts) > 1 and parts[-2] == Env(env="HOME") and parts[-1] == "/"
    steps = normpath(path).split("/")
    return is_home or is_system(path) or all(step in _WHOLE_PLACES for step in steps)
