"""References: where a task uses the output of another, as standard input or in its arguments.

In `args` an output is the typed value `TaskOutput`, alone or as a part of a `Text`. In `arguments`,
which are JSON, it is an object `{"task": n}` and nothing else, at any depth below a parameter's name:
`{"task": 3}` as the whole of `arguments` is a parameter that is called `task`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agx.plan.schema import MAX_JSON_DEPTH, Argument, Task, TaskOutput, Text, output_reference


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
