"""The order of lines: whether equal lines stand together in a task's output, as `uniq` needs them.

The answer comes from the tools alone, through the pipes. What a tool's arguments change is followed only
where that is plain; in any other case the answer is "unsure".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.shell.nested import nested_calls
from agx.unix.calls import Call
from agx.unix.runs import read_call

EqualLines = Literal["together", "apart", "unsure"]

_SORTERS = frozenset({"sort", "uniq"})
_SORTED = _SORTERS | {"comm", "join", "ls"}
# These pass lines on in their order, as long as nothing but their pattern stands in their words.
_GREPS = frozenset("grep egrep fgrep zgrep zegrep rgrep".split())
_PASS_ON = frozenset({"head", "tail", "tac"})
# With these options of grep a line changes on its way. The long names have such a letter in them
# too, so that the answer is unsure more often than need be.
_CHANGING_LETTERS = frozenset("bcnoLlH-")
_MAY_NEVER_END = frozenset("yes watch top vmstat iostat sar inotifywait ping".split())
_FOLLOWS = frozenset({"-f", "-F", "-w", "-W", "--follow", "--retry", "--follow-new"})
_CAN_FOLLOW = frozenset({"tail", "journalctl", "dmesg"})


def equal_lines(tasks: Sequence[Task], number: int, registry: Registry) -> EqualLines:
    """Return whether equal lines stand together in the output of task `number`.

    "apart" is said only where every tool on the way does no more than read, none of them sorts, and
    all come to an end: there a `sort` can be put in.
    """
    way = _way(tasks, number)
    for task in way:
        if task.command in _SORTED:
            return "together"
        if not _passes_on(task):
            break
    return "apart" if way and all(_is_plain(task, registry) for task in way) else "unsure"


def _way(tasks: Sequence[Task], number: int) -> list[Task]:
    """Return the tasks from `number` through their inputs to the first; none where one reads a later one."""
    way = []
    at: int | None = number
    while at is not None:
        way.append(tasks[at - 1])
        source = way[-1].input_from_task
        if source is not None and source >= at:
            return []
        at = source
    return way


def _passes_on(task: Task) -> bool:
    """Return whether a task's output is lines of its standard input, in their order or its reverse."""
    argv = next(read_call(Call.of(task)), None)
    if argv is None:
        return False
    num_operands = len(argv.operands)
    if task.command in _GREPS:
        letters = {letter for option in argv.options for letter in option.name[1:]}
        return num_operands <= 1 and not letters & _CHANGING_LETTERS
    if task.command == "cat":
        return not argv.words
    return task.command == "tee" or (task.command in _PASS_ON and num_operands == 0)


def _is_plain(task: Task, registry: Registry) -> bool:
    """Return whether all that a task calls only reads, sorts nothing and comes to an end."""
    return not task.saves_output and all(
        (tool := registry.get(call.name)) is not None
        and tool.schema is None
        and tool.risk == ("reads",)
        and call.name not in _SORTERS | _MAY_NEVER_END
        and not _follows(call)
        for call in nested_calls(task, registry)
    )


def _follows(call: Call) -> bool:
    """Return whether a call waits for more at the end of its file, for ever."""
    if call.name not in _CAN_FOLLOW:
        return False
    given = [word.partition("=")[0] for word in call.words if word.startswith("-")]
    letters = {f"-{letter}" for word in given if not word.startswith("--") for letter in word[1:]}
    return bool(_FOLLOWS & {*letters, *given})
