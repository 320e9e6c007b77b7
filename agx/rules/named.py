"""What an instruction names and a plan does not have: names that stand in no argument, and numbers.

"Remove Anna's draft.txt" as two files, or a name that came out garbled, removes something else than was
meant. So a name that is missing is an error in a plan that writes or destroys, and a warning in any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agx.plan.reading import note
from agx.plan.schema import Argument, Env, Finding, Glob, Task, Text
from agx.rules.language import unread_language
from agx.rules.literals import literals
from agx.rules.named_literal import NamedLiteral
from agx.rules.numbers import numbers
from agx.unix.calls import Call
from agx.unix.word_roles import WordRole, roles
from agx.util.texts import shortened

MISSING_NAME = "missing-name"
_MAX_FOUND = 5
# "Two files, a.txt and b.txt" counts what it lists.
_MOST_LISTED = 3
# A number of an instruction may be counted in another unit, or as the one before or after it.
_FACTORS = (1, 7, 24, 60, 512, 1000, 1024, 3600, 1024**2, 1000**2, 1024**3, 1000**3)
_MAX_SHOWN_CHARS = 80
_MAX_READ_CHARS = 10_000
_WILDCARD = re.compile(r"[*?\[]")
_DIGITS = re.compile(r"\d{1,12}")
_TOUCHES = frozenset({"writes", "destructive"})


def check(instruction: str, tasks: Sequence[Task], *, is_strict: bool) -> tuple[Finding, ...]:
    """Return what an instruction names and its tasks do not have.

    A missing name is a warning, and if `is_strict` an error where the instruction calls it a file and a task
    writes or destroys. A missing number is advice.
    """
    return (*missing_names(instruction, tasks, is_strict=is_strict), *missing_numbers(instruction, tasks))


def missing_names(instruction: str, tasks: Sequence[Task], *, is_strict: bool = True) -> Iterator[Finding]:
    """Yield a finding for each literal of the instruction that stands whole in no argument."""
    named = [literal for literal in literals(instruction) if literal.is_certain]
    if not named:
        return
    if unread_language(instruction) is not None:
        named = [literal for literal in named if literal.kind != "foreign"]
    words = [_plain(word) for task in tasks for word in _words(task)]
    touches = any(not _TOUCHES.isdisjoint(task.risk) for task in tasks)
    missing = [literal for literal in named if not _stands_in(literal, words)]
    for literal in missing[:_MAX_FOUND]:
        is_error = is_strict and touches and literal.is_name
        yield Finding(
            severity="error" if is_error else "warning",
            rule="missing-name",
            message=f"{shortened(literal.text, _MAX_SHOWN_CHARS)!r} of the instruction stands in no argument",
            hint="use the name as it is; where it is not a name, say the instruction in other words",
        )


def missing_numbers(instruction: str, tasks: Sequence[Task]) -> Iterator[Finding]:
    """Yield advice for each number of the instruction that no argument has, in whatever unit."""
    named = [
        number
        for number in numbers(instruction[:_MAX_READ_CHARS])
        if not number.is_word or number.value > _MOST_LISTED
    ]
    if not named:
        return
    there = {int(digits) for task in tasks for word in _words(task) for digits in _DIGITS.findall(word)}
    for number in named:
        if there.isdisjoint(_in_units(number.value)):
            yield Finding(
                severity="advice",
                rule="missing-number",
                message=f"the number {number.value} of the instruction stands in no argument",
                hint="see whether the plan counts as the instruction says",
            )


def _in_units(value: int) -> Iterator[int]:
    """Yield what may stand for a number: itself in another unit, and its neighbours."""
    for factor in _FACTORS:
        counts = [value * factor] + ([value // factor] if value % factor == 0 else [])
        for count in counts:
            yield from (count - 1, count, count + 1)


def with_literal_names(
    instruction: str, tasks: Sequence[Task]
) -> tuple[tuple[Task, ...], tuple[Finding, ...]]:
    """Return the tasks with names that look like patterns or options taken literally, and a note for each.

    `delete the file named "x*y"` is about that file, and not about all that begin with x and end with y;
    one that is named "-rf" becomes `./-rf`.
    """
    named = [each.text for each in literals(instruction) if each.is_one]
    names = [name for name in named if _WILDCARD.search(name) or name.startswith("-")]
    if not names:
        return tuple(tasks), ()
    changed, notes = [], []
    for task in tasks:
        found = task if task.arguments is not None else _literal(task, names)
        if found != task:
            notes.append(
                note(
                    "a name that looks like a pattern or an option is taken literally", task=task.task_number
                )
            )
        changed.append(found)
    return tuple(changed), tuple(notes)


def _literal(task: Task, names: Sequence[str]) -> Task:
    found = roles(task.command, Call.of(task).words)
    args = [_literal_item(item, role, names) for item, role in zip(task.args, found, strict=True)]
    return task.model_copy(update={"args": tuple(args)})


def _literal_item(item: Argument, role: WordRole, names: Sequence[str]) -> Argument:
    """Return an argument in which a name matches itself only."""
    if isinstance(item, str) and item in names and item.startswith("-") and not role.is_pattern:
        return f"./{item}"
    if isinstance(item, Glob):
        if item.glob in names:
            return _escaped(item.glob) if role.is_pattern else item.glob
        return Glob(glob=_with_escapes(item.glob, names))
    return _with_escapes(item, names) if isinstance(item, str) and role.is_pattern else item


def _with_escapes(text: str, names: Sequence[str]) -> str:
    for name in names:
        text = text.replace(name, _escaped(name))
    return text


def _escaped(name: str) -> str:
    """Return a pattern for a name: the same to a shell, to find, and as a regular expression."""
    return _WILDCARD.sub(r"[\g<0>]", name)


def _stands_in(literal: NamedLiteral, words: Sequence[str]) -> bool:
    text = _plain(literal.text).rstrip("/") or "/"
    return _is_in(text, words) or any(
        sign in text
        and literal.kind != "quoted"
        and all(_is_in(part, words) for part in text.rsplit(sign, 1))
        for sign in ("/", ".")  # a folder to look in and a name to look for; a name and a suffix for backups
    )


def _is_in(text: str, words: Sequence[str]) -> bool:
    return any(text in word for word in words)


def _plain(text: str) -> str:
    """Return a text in which names are found: without case, and without what escapes a wildcard."""
    text = re.sub(r"\[([*?\[])\]", r"\1", text.casefold())
    return text.replace("\\", "").replace("${home}", "~").replace("$home", "~")


def _words(task: Task) -> Iterator[str]:
    yield task.command
    yield from (text for text in (task.save_to, task.append_to) if text is not None)
    yield from map(_text, task.args)
    yield from _strings(task.arguments)


def _text(item: Argument | str) -> str:
    match item:
        case str():
            return item
        case Glob():
            return item.glob
        case Env():
            return f"${item.env}"
        case Text():
            return "".join(_text(part) for part in item.text)
        case _:
            return ""


def _strings(value: object) -> Iterator[str]:
    """Yield every text and number in the arguments of a function."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
    elif value is not None:
        yield str(value)
