"""Calls: one command with its words, made of a task, of a command that a task runs, or of a script's.

Words are text, in which `DATA` stands for what only a run can tell: a variable's value, another task's
output, the file names of a pattern; with a mark behind it, it stands for several words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from agx.plan.references import references
from agx.plan.schema import Argument, Env, Glob, Task, TaskOutput
from agx.util.frozen import dataclass

DATA = "\0"
NAME_DATA = "./\0"  # a file's name or path: unknown, but never an option
MANY = DATA + "\1"  # several words, which all begin as this one does
OPEN = DATA + "\2"  # several words, of which any may be an option
# Variables that hold a path or a name, and so never begin with a dash.
_PATHS = frozenset("HOME PWD OLDPWD TMPDIR TMP TEMP SHELL PATH XDG_CONFIG_HOME XDG_DATA_HOME".split())
_NAMES = frozenset("USER LOGNAME HOSTNAME UID EUID PPID SECONDS TERM LANG RANDOM LINES COLUMNS".split())
# Commands that print file names, each from a starting point that is not an option; those that choose lines.
_NAMING = frozenset("find pwd which realpath locate whoami hostname uname nproc".split())
_ONE_WORD = frozenset("pwd which whoami hostname uname nproc".split())  # hardly ever with a blank
_PRINTS_MORE = (DATA, "-printf", "-exec", "-ok", "-S", "--relative")
_FILTERS = frozenset("sort uniq head tail tac shuf grep egrep fgrep".split())
_WILDCARD = re.compile(r"\*+|\?|\[[!^]?\]?[^\]]{0,64}\]")


@dataclass(frozen=True, slots=True)
class Call:
    """One command with its words, and where its input comes from and its output goes.

    `piped` and `sources` are places in the list that holds the call: the one whose output is its
    standard input, and those whose output stands in its arguments. `item` stands for one word of its
    input, for commands that make arguments of it. `is_exact` holds where the command is sure to run
    here with these words; otherwise it was found in text that could not be read whole, or runs elsewhere.
    """

    name: str
    words: tuple[str, ...] = ()
    output: str | None = None
    appends: bool = False
    piped: int | None = None
    sources: tuple[int, ...] = ()
    assignments: tuple[str, ...] = ()
    item: str = DATA
    is_exact: bool = True

    @classmethod
    def of(cls, task: Task, *, names: Mapping[int, str] = MappingProxyType({})) -> Call:
        """Make a call of a task; `names` are the tasks whose output is file names, none with a dash first.

        They are given with what such an output is when it is split into words.
        """
        return cls(
            name=task.command,
            words=tuple(_text(item, names) for item in task.args),
            output=task.save_to or task.append_to,
            appends=task.append_to is not None,
            piped=None if task.input_from_task is None else task.input_from_task - 1,
            sources=tuple(number - 1 for number in references(task)),
            item=NAME_DATA if task.input_from_task in names else DATA,
        )


def calls_of(tasks: Sequence[Task]) -> list[Call]:
    """Make calls of the tasks of one plan, with what their places in it tell."""
    names: dict[int, str] = {}
    for task in tasks:
        if _gives_names(task, names):
            source = None if task.command in _NAMING else task.input_from_task
            words = NAME_DATA if task.command in _ONE_WORD else OPEN
            names[task.task_number] = words if source is None else names[source]
    return [Call.of(task, names=names) for task in tasks]


def _gives_names(task: Task, names: Mapping[int, str]) -> bool:
    """Return whether what a task prints are file names that begin with no dash, one a line."""
    words = [_text(item, names) for item in task.args]
    if task.command in _NAMING:
        return not any(word.startswith(_PRINTS_MORE) for word in words)
    is_whole = not any(word.startswith("-") and "o" in word for word in words)
    return task.command in _FILTERS and task.input_from_task in names and is_whole


def is_known(text: str) -> bool:
    """Return whether all of a text is known before the run."""
    return DATA not in text


def _text(item: Argument, names: Mapping[int, str]) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Glob):
        text = _of_pattern(item.glob)
        return text.replace(DATA, OPEN if text.startswith(DATA) else MANY, 1)
    if isinstance(item, Env):
        return _of_variable(item.env)
    if isinstance(item, TaskOutput):
        return names.get(item.task, OPEN) if item.split else NAME_DATA if item.task in names else DATA
    return "".join(_text(part, names) for part in item.text)


def _of_variable(name: str) -> str:
    return "/" + DATA if name in _PATHS else "x" + DATA if name in _NAMES else DATA


def _of_pattern(pattern: str) -> str:
    """Return the names that match, which may be an option where the pattern begins with a wildcard.

    Those with an ending (`*.txt`) could match one too, but hardly one that does harm.
    """
    text = _WILDCARD.sub(DATA, pattern)
    if not text.startswith(DATA):
        return text
    first = _WILDCARD.match(pattern)
    assert first is not None
    is_named = first[0][0] in "*?" and "." in pattern[first.end() :] and not text.endswith(DATA)
    return text if _matches_dash(first[0]) and not is_named else NAME_DATA + text[len(DATA) :]


def _matches_dash(wildcard: str) -> bool:
    """Return whether a wildcard matches a dash, which stands first or last in a set that has it."""
    if not wildcard.startswith("["):
        return True
    is_negated = wildcard[1] in "!^"
    members = wildcard[2:-1] if is_negated else wildcard[1:-1]
    return ("-" in (members[:1], members[-1:])) != is_negated
