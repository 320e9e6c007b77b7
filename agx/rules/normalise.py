"""Normalising: what has one right form is put into it, and a note says so.

A lone `uniq` becomes `sort` and `uniq`, since `uniq` drops only neighbouring duplicates. Where that
could change what is meant (a `uniq` that skips fields, an input that never ends, an instruction that
speaks of neighbours) the plan stays as it is, and the rules warn. Numbers are normalised before the
strict validation, in `agx.plan.references`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agx.plan.editing import insert_tasks
from agx.plan.reading import note
from agx.plan.references import references
from agx.plan.schema import MAX_TASKS, Argument, Finding, Plan, Task
from agx.plan.tools import Registry
from agx.rules.line_order import equal_lines
from agx.unix.calls import Call, is_known
from agx.unix.runs import read_call

_OF_NEIGHBOURS = re.compile(
    r"\b(adja\w*cent|consecutive(ly)?|successive|neighbou?r(s|ing)?|contiguous|in a row|collapse|squeeze"
    r"|next to each other|one after (the |an)other|back[- ]to[- ]back)\b",
    re.IGNORECASE,
)
_PLAIN = frozenset("-c -d -D -u --count --repeated --unique --all-repeated --group".split())
# What `sort` needs as well for lines that `uniq` takes as equal to stand together.
_SORT_LETTERS = {"-i": "f", "-z": "z", "--ignore-case": "f", "--zero-terminated": "z"}


class _Uniq(NamedTuple):
    """A `uniq` that can be sorted for: the options of the `sort`, its own ones, and its file."""

    sort_options: tuple[str, ...]
    options: tuple[Argument, ...]
    files: tuple[Argument, ...]


def normalised(
    plan: Plan, registry: Registry, *, max_tasks: int = MAX_TASKS
) -> tuple[Plan, tuple[Finding, ...]]:
    """Return the plan with its tasks in their one right form, and a note for each change.

    A plan that would have more tasks than `max_tasks` stays as it is, and so does what is right. The
    notes are not yet in its metadata, see `agx.plan.reading.with_notes`; risks are left to `agx.risk.assess`.
    """
    if _OF_NEIGHBOURS.search(plan.instruction):
        return plan, ()
    tasks, notes = sorted_for_uniq(plan.tasks, registry, max_tasks=max_tasks)
    return (plan.model_copy(update={"tasks": tasks}) if notes else plan), notes


def sorted_for_uniq(
    tasks: Sequence[Task], registry: Registry, *, max_tasks: int = MAX_TASKS
) -> tuple[tuple[Task, ...], tuple[Finding, ...]]:
    """Return the tasks with a `sort` before every `uniq` whose input is not sorted, and the notes."""
    given, notes = tuple(tasks), list[Finding]()
    if not (_is_command("sort", registry) and _is_command("uniq", registry)):
        return given, ()
    for uniq in [task for task in given if task.command == "uniq"]:
        number = uniq.task_number + len(notes)
        found = _lone_uniq(given, number, registry)
        if found is None or len(given) >= min(max_tasks, MAX_TASKS):
            continue
        given = _with_sort(given, number, found)
        message = "a sort was put before uniq, which drops only neighbouring duplicates"
        notes.append(note(message, task=number))
    return given, tuple(notes)


def _is_command(name: str, registry: Registry) -> bool:
    """Return whether the registry has the command of that name, and no function that is named alike."""
    tool = registry.get(name)
    return tool is not None and tool.schema is None


def _lone_uniq(tasks: Sequence[Task], number: int, registry: Registry) -> _Uniq | None:
    """Return what is needed to sort for a task, where it is a `uniq` whose input is not sorted."""
    task = tasks[number - 1]
    uniq = None if task.command != "uniq" or list(references(task)) else _read(task)
    if uniq is None:
        return None
    source = task.input_from_task
    if source is None:
        is_lone = len(uniq.files) == 1 or (number == 1 and not uniq.files)
        return uniq if is_lone else None
    if uniq.files or source >= number:
        return None
    return uniq if equal_lines(tasks, source, registry) == "apart" else None


def _read(task: Task) -> _Uniq | None:
    """Read the arguments of `uniq`; None where it compares less than whole lines, or is not understood."""
    options, files, letters = [], [], set[str]()
    (argv,) = read_call(Call.of(task))
    for at, (item, word) in enumerate(zip(task.args, argv.words, strict=True)):
        if word.kind == "operand":
            files += [item] if word.text != "-" else []
            continue
        parts = {option.name for option in argv.options if option.at == at}
        is_read = word.kind == "option" and parts and is_known(word.text)
        if not is_read or not parts <= _PLAIN | _SORT_LETTERS.keys():
            return None
        letters |= {_SORT_LETTERS[part] for part in parts & _SORT_LETTERS.keys()}
        options.append(item)
    return _Uniq((f"-{''.join(sorted(letters))}",) if letters else (), tuple(options), tuple(files))


def _with_sort(tasks: Sequence[Task], number: int, uniq: _Uniq) -> tuple[Task, ...]:
    """Put the `sort` in the place of the `uniq`, which moves one down and reads it."""
    before = tasks[number - 1]
    sort = Task(
        task_number=1,
        command="sort",
        args=(*uniq.sort_options, *uniq.files),
        timeout_secs=before.timeout_secs,
    )
    longer = insert_tasks(tasks, [sort], at=number, input_from=before.input_from_task)
    after = longer[number].model_copy(update={"args": uniq.options, "input_from_task": number})
    return (*longer[:number], after, *longer[number + 1 :])
