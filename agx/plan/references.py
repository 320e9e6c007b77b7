"""References: where a task uses the output of another, as standard input or in its arguments.

In `args` an output is the typed value `TaskOutput`, alone or as a part of a `Text`. In `arguments`,
which are JSON, it is an object `{"task": n}` and nothing else, at any depth below a parameter's name:
`{"task": 3}` as the whole of `arguments` is a parameter that is called `task`.

`renumbered` works on tasks; `numbered` on rows as they were read, before anything is known to be of the
right type: what it cannot follow it leaves as it is, for the strict validation to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from agx.plan.schema import MAX_JSON_DEPTH, Argument, Task, TaskOutput, Text, output_reference

_MAX_SHOWN = 5
_MAX_NUMBER = 1_000_000


def references(task: Task) -> Iterator[int]:
    """Yield the numbers of the tasks whose output stands in a task's arguments, at any depth."""
    for item in task.args:
        parts = item.text if isinstance(item, Text) else (item,)
        yield from (part.task for part in parts if isinstance(part, TaskOutput))
    found: list[int] = []

    def noted(number: int) -> None:
        found.append(number)

    replaced_outputs(task.arguments or {}, noted)
    yield from found


def sources(task: Task) -> list[int]:
    """Return the numbers of the tasks whose output this one uses, standard input first."""
    piped = [] if task.input_from_task is None else [task.input_from_task]
    return [*piped, *references(task)]


def renumbered(task: Task, numbers: Mapping[int, int]) -> Task:
    """Return the task with the tasks that it uses under other numbers; one not in `numbers` keeps its own."""

    def new(number: int) -> int:
        return numbers.get(number, number)

    if not sources(task):
        return task
    arguments = None
    if task.arguments is not None:
        arguments = replaced_outputs(task.arguments, lambda number: {"task": new(number)})
    return task.model_copy(
        update={
            "args": tuple(_renumbered(item, new) for item in task.args),
            "arguments": arguments,
            "input_from_task": None if task.input_from_task is None else new(task.input_from_task),
        }
    )


def replaced_outputs(arguments: Mapping[str, Any], replacement: Callable[[int], object]) -> dict[str, Any]:
    """Return `arguments` with each `{"task": n}` in its values replaced by what `replacement` returns for n.

    What lies deeper than a plan may nest stays as it is.
    """
    return {name: _replaced(value, replacement, depth=0) for name, value in arguments.items()}


def numbered(rows: Sequence[dict[str, Any]]) -> tuple[Sequence[dict[str, Any]], str | None]:
    """Return rows numbered from 1 with what was changed as a sentence, or the same rows and None.

    Numbers that are missing are filled in, which does not count as a change. Rows whose numbers are not in
    order stay as they are, and so do those with a reference to a number that no row has.
    """
    given = [row.get("task_number") for row in rows]
    right = list(range(1, len(rows) + 1))
    filled = [{"task_number": number, **row} for number, row in zip(right, rows, strict=True)]
    numbers = [number for number in given if type(number) is int and 0 <= number <= _MAX_NUMBER]
    is_in_order = all(first < second for first, second in pairwise(numbers))
    if numbers == right or len(numbers) < len(rows) or not is_in_order:
        return filled, None
    table = dict(zip(numbers, right, strict=True))
    try:
        changed = [_renumbered_row(row, table) for row in filled]
    except KeyError:
        return filled, None
    shown = ", ".join(str(number) for number in numbers[:_MAX_SHOWN])
    more = ", …" if len(numbers) > _MAX_SHOWN else ""
    return changed, f"the tasks were numbered {shown}{more}; now they count from 1"


def _renumbered(item: Argument, new: Callable[[int], int]) -> Argument:
    if isinstance(item, TaskOutput):
        return item.model_copy(update={"task": new(item.task)})
    if isinstance(item, Text):
        parts = (
            part.model_copy(update={"task": new(part.task)}) if isinstance(part, TaskOutput) else part
            for part in item.text
        )
        return Text(text=tuple(parts))
    return item


def _replaced(value: object, replacement: Callable[[int], object], *, depth: int) -> object:
    number = output_reference(value)
    if number is not None:
        return replacement(number)
    if depth > MAX_JSON_DEPTH:
        return value
    if isinstance(value, dict):
        return {key: _replaced(inner, replacement, depth=depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(inner, replacement, depth=depth + 1) for inner in value]
    return value


def _renumbered_row(row: Mapping[str, Any], table: Mapping[int, int]) -> dict[str, Any]:
    changed = {**row, "task_number": table[row["task_number"]]}
    if type(row.get("input_from_task")) is int:
        changed["input_from_task"] = table[row["input_from_task"]]
    if isinstance(row.get("args"), (list, tuple)):
        changed["args"] = [_renumbered_item(item, table) for item in row["args"]]
    if isinstance(row.get("arguments"), dict):
        changed["arguments"] = replaced_outputs(row["arguments"], lambda number: {"task": table[number]})
    return changed


def _renumbered_item(item: object, table: Mapping[int, int]) -> object:
    if isinstance(item, str):
        return item
    if not isinstance(item, dict):
        raise KeyError(item)  # a value that is made already, or one that is refused
    if type(item.get("task")) is int:
        return {**item, "task": table[item["task"]]}
    parts = item.get("text")
    return (
        {**item, "text": [_renumbered_item(part, table) for part in parts]}
        if isinstance(parts, (list, tuple))
        else item
    )
