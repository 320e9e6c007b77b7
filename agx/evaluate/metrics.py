"""The metrics of plans against references, as pure functions on tasks.

Every metric is a ratio of two sums over cases. So each case contributes a numerator and a denominator (its
`Part`). In a share the denominator is 1. An F1 is twice the hits over everything named on either side. A
case that a metric does not score has the denominator 0.

The score NLC2CMD is that of the competition of this name: https://arxiv.org/abs/2103.02523
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal

from agx.plan.schema import Argument, Env, Glob, Task, TaskOutput, output_reference

Tasks = tuple[Task, ...]
Part = tuple[float, float]
Score = Mapping[str, Part]
Kind = Literal["N", "P", "G", "W"]
Template = tuple[str, tuple[str, ...], tuple[Kind, ...]]

PLAN_METRICS = (
    "valid",
    "exact",
    "first_command",
    "template_accuracy",
    "utility_f1",
    "edge_f1",
    "nlc2cmd_at_1",
)
UNSCORED: Part = (0.0, 0.0)
_OUTPUT = "$(task)"
_NUMBER = re.compile(r"[-+]?\d+[A-Za-z]?")
_MINUS_DIGITS = re.compile(r"-\d+")
_STEM = re.compile(r"[\w.+@%-]*[\w+@%-]")


def score(plan: Tasks | None, references: Sequence[Tasks]) -> dict[str, Part]:
    """Return every metric of `PLAN_METRICS` for a plan, or for its absence, against the references.

    Each metric takes the reference with the best score. Without references only `valid` is scored.
    """
    parts = {"valid": share(plan is not None)}
    if not references:
        return parts
    tasks = plan or ()
    return parts | {
        "exact": share(is_exact(plan, references)),
        "first_command": share(
            any(tasks[:1] and tasks[0].command == known[0].command for known in references)
        ),
        "template_accuracy": share(any(templates(tasks) == templates(known) for known in references)),
        "utility_f1": _best_f1(utilities, tasks, references),
        "edge_f1": _best_f1(edges, tasks, references),
        "nlc2cmd_at_1": (nlc2cmd(tasks, references), 1.0),
    }


def share(is_right: bool) -> Part:  # noqa: FBT001 - it is the only parameter
    """Return a case's part of a share."""
    return (float(is_right), 1.0)


def is_exact(plan: Tasks | None, references: Sequence[Tasks]) -> bool:
    """Return whether the plan does what a reference does: the same calls, inputs and output files."""
    return plan is not None and any(comparable(plan) == comparable(known) for known in references)


def comparable(tasks: Tasks) -> list[dict[str, Any]]:
    """Return the part of a plan that decides equality: its tasks without limits and risks."""
    return [task.written() for task in tasks]


def templates(tasks: Tasks) -> list[Template]:
    """Return each task's command, sorted set of flags, and kinds of the other arguments in order."""
    return [
        (
            task.command,
            tuple(sorted(flags(task))),
            tuple(kind(word) for word in words(task) if not is_flag(word)),
        )
        for task in tasks
    ]


def flags(task: Task) -> frozenset[str]:
    """Return the task's set of flags."""
    return frozenset(word for word in words(task) if is_flag(word))


def is_flag(word: str) -> bool:
    """Return whether a word is a flag: not `-` alone, and not a number such as `-1`."""
    return len(word) > 1 and word.startswith("-") and not _MINUS_DIGITS.fullmatch(word)


def kind(word: str) -> Kind:
    """Return the first kind that fits: number, path, glob or word."""
    if _NUMBER.fullmatch(word):
        return "N"
    if "/" in word or word in (".", "..") or _is_file_name(word):
        return "P"
    return "G" if any(char in word for char in "*?[") else "W"


def _is_file_name(word: str) -> bool:
    """Return whether a word looks like `name.ext`, but not like a number such as 3.14."""
    stem, _, extension = word.rpartition(".")
    return extension.isalnum() and not extension.isdigit() and _STEM.fullmatch(stem) is not None


def words(task: Task) -> list[str]:
    """Return a task's arguments as words of a shell; named `arguments` become `--name` and the value."""
    named = sorted((task.arguments or {}).items())
    return [_text(item) for item in task.args] + [
        text for name, value in named for text in _named(name, value)
    ]


def _text(item: Argument) -> str:
    match item:
        case str():
            return item
        case Glob():
            return item.glob
        case Env():
            return f"${item.env}"
        case TaskOutput():
            return _OUTPUT
        case _:
            return "".join(_text(part) for part in item.text)


def _named(name: str, value: object) -> Iterator[str]:
    yield f"--{name}"
    if isinstance(value, str):
        yield value
    elif output_reference(value) is not None:
        yield _OUTPUT
    else:
        yield json.dumps(value, ensure_ascii=False, sort_keys=True)


def utilities(tasks: Tasks) -> Counter[str]:
    """Return the multiset of commands."""
    return Counter(task.command for task in tasks)


def edges(tasks: Tasks) -> Counter[tuple[str, str]]:
    """Return the pairs (command of the source, command of the target) over all standard inputs.

    An input that is not an earlier task, which only a draft can have, has no source.
    """
    by_number = {task.task_number: task.command for task in tasks}
    pairs = {
        (by_number.get(task.input_from_task, ""), task.command)
        for task in tasks
        if task.input_from_task is not None
    }
    return Counter(pairs)


def _best_f1(count: Callable[[Tasks], Counter[Any]], tasks: Tasks, references: Sequence[Tasks]) -> Part:
    """Return the part of a micro-averaged F1, against the reference with the highest F1."""
    found = count(tasks)
    parts = [
        (2.0 * (found & known).total(), float(found.total() + known.total()))
        for known in map(count, references)
    ]
    return max(parts, key=lambda part: part[0] / part[1] if part[1] else 1.0)


def nlc2cmd(tasks: Tasks, references: Sequence[Tasks]) -> float:
    """Return the score of NLC2CMD at 1, between -1 and 1: the best over the references."""
    return max(_nlc2cmd(tasks, known) for known in references)


def _nlc2cmd(tasks: Tasks, known: Tasks) -> float:
    positions = [_position(*pair) for pair in zip_longest(tasks, known)]
    return sum(positions) / len(positions)


def _position(task: Task | None, known: Task | None) -> float:
    if task is None or known is None or task.command != known.command:
        return -1.0
    return (1.0 + flag_score(flags(known), flags(task))) / 2


def flag_score(known: frozenset[str], found: frozenset[str]) -> float:
    """Return f of NLC2CMD: 1 for the same flags, down to below -1 for none in common."""
    if not known and not found:
        return 1.0
    return (2 * len(known & found) - len(known | found)) / max(1, len(known), len(found))
