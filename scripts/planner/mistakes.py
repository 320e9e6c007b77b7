"""Realistic mistakes for Delta's drafts: each takes a right list of tasks and spoils one thing.

A mistake returns None where the plan gives it nothing to spoil. `spoil` picks one that fits.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from scripts.planner.sequences import Tasks

    Mistake = Callable[[Tasks, str, random.Random], Tasks | None]

_RUN = re.compile(r"[A-Za-z0-9_]+")
_CONFUSED = {
    "grep": "egrep", "find": "locate", "cat": "tac", "head": "tail", "tail": "head", "sort": "uniq",
    "wc": "nl", "rm": "rmdir", "cp": "mv", "mv": "cp", "ls": "find", "sed": "awk", "awk": "sed",
    "du": "df", "df": "du", "ps": "top", "gzip": "bzip2", "chmod": "chown", "chown": "chmod",
    "who": "w", "xargs": "echo", "cut": "tr",
}  # fmt: skip


def spoil(tasks: Tasks, nl: str, rng: random.Random) -> Tasks | None:
    """Return a copy with one mistake, or None where none of the kinds fits."""
    for mistake in rng.sample(MISTAKES, len(MISTAKES)):
        spoiled = mistake(copy.deepcopy(tasks), nl, rng)
        if spoiled is not None and spoiled != tasks:
            return spoiled
    return None


def wrong_literal(tasks: Tasks, nl: str, rng: random.Random) -> Tasks | None:
    """Write a name or a number of the instruction wrongly."""
    places = []
    for task in tasks:
        for index, item in enumerate(task.get("args", ())):
            text = item if isinstance(item, str) else item.get("glob", "")
            runs = [run for run in _RUN.findall(text) if run in nl and not text.startswith("--")]
            if runs and not re.fullmatch(r"-[a-z]+", text):
                places.append((task["args"], index, rng.choice(runs)))
    if not places:
        return None
    args, index, run = rng.choice(places)
    is_number = run.isdigit() and len(run) < 9
    wrong = str(int(run) + rng.choice([1, 2, 5, 10])) if is_number else _mistyped(run, rng)
    item = args[index]
    is_text = isinstance(item, str)
    args[index] = item.replace(run, wrong, 1) if is_text else {"glob": item["glob"].replace(run, wrong, 1)}
    return tasks


def _mistyped(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    choice = rng.random()
    if choice < 0.4 and len(word) > 2:
        return word[:at] + word[at + 1 :]
    if choice < 0.7:
        return word[:at] + word[at] + word[at:]
    return rng.choice(["file", "test", "foo", "data", "name"])


def lost_input(tasks: Tasks, _nl: str, rng: random.Random) -> Tasks | None:
    """Forget that a task reads another one's output."""
    readers = [task for task in tasks if "input_from_task" in task]
    if not readers:
        return None
    del rng.choice(readers)["input_from_task"]
    return tasks


def unknown_command(tasks: Tasks, _nl: str, rng: random.Random) -> Tasks | None:
    """Mistype a command, so that no such tool exists."""
    task = rng.choice(tasks)
    name = task["command"]
    if len(name) < 3:
        return None
    at = rng.randrange(len(name) - 1)
    task["command"] = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return tasks


def other_command(tasks: Tasks, _nl: str, rng: random.Random) -> Tasks | None:
    """Use a command that is often confused with the right one."""
    known = [task for task in tasks if task["command"] in _CONFUSED]
    if not known:
        return None
    task = rng.choice(known)
    task["command"] = _CONFUSED[task["command"]]
    return tasks


def dropped_task(tasks: Tasks, _nl: str, _rng: random.Random) -> Tasks | None:
    """Leave the last task of a pipeline out."""
    return tasks[:-1] if len(tasks) > 1 else None


def repeated_task(tasks: Tasks, _nl: str, _rng: random.Random) -> Tasks | None:
    """Do the last task twice."""
    again = copy.deepcopy(tasks[-1])
    if any("task" in item for item in again.get("args", ()) if isinstance(item, dict)) or "save_to" in again:
        return None
    again["input_from_task"] = len(tasks)
    return [*tasks, again]


def repeated_argument(tasks: Tasks, _nl: str, rng: random.Random) -> Tasks | None:
    """Write an argument twice."""
    with_args = [task for task in tasks if task.get("args")]
    if not with_args:
        return None
    args = rng.choice(with_args)["args"]
    index = rng.randrange(len(args))
    args.insert(index, copy.deepcopy(args[index]))
    return tasks


def dropped_argument(tasks: Tasks, _nl: str, rng: random.Random) -> Tasks | None:
    """Leave an argument out."""
    with_args = [task for task in tasks if task.get("args")]
    if not with_args:
        return None
    args = rng.choice(with_args)["args"]
    del args[rng.randrange(len(args))]
    return tasks


def glob_for_pattern(tasks: Tasks, _nl: str, _rng: random.Random) -> Tasks | None:
    """Let a pattern that the tool wants be expanded as file names, or the other way round."""
    for task in tasks:
        for index, item in enumerate(task.get("args", ())):
            if isinstance(item, str) and re.search(r"[*?]", item) and index and task["command"] == "find":
                task["args"][index] = {"glob": item}
                return tasks
            if isinstance(item, dict) and "glob" in item:
                task["args"][index] = item["glob"]
                return tasks
    return None


MISTAKES: tuple[Mistake, ...] = (
    wrong_literal,
    lost_input,
    unknown_command,
    other_command,
    dropped_task,
    repeated_task,
    repeated_argument,
    dropped_argument,
    glob_for_pattern,
)
