"""Tasks as the one pipeline that a model writes of them: the shell dialect, from plan to text.

`agx.shell.render` writes for a shell; here `agx.shell.parse` is the reader. So a substitution behind a pipe
needs no `< /dev/null`, and a text counts only if it is read back as the same tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.errors import AgxError
from agx.plan.references import sources
from agx.plan.schema import Argument, Env, Task, TaskOutput, Text
from agx.shell.parse import parse_shell
from agx.shell.render import command_line

# The most tasks of a substitution.
MAX_INNER_TASKS = 4
_WILDCARDS = frozenset("*?[")


def pipeline_text(tasks: Sequence[Task]) -> str | None:
    """Return the pipeline, on one line, that is read back as these tasks; None where no single one is.

    Time limits have no form in it and are left out, as risk is, which is computed anyway.
    """
    used = [number for task in tasks for number in sources(task)]
    is_once = len(used) == len(set(used)) == len(tasks) - 1
    if not is_once or any(number >= task.task_number for task in tasks for number in sources(task)):
        return None
    if not all(_can_be_written(task, tasks) for task in tasks):
        return None
    text = _pipeline(tasks, len(tasks))
    return text if _is_one_line(text) and _is_read_as(text, tasks) else None


def _can_be_written(task: Task, tasks: Sequence[Task]) -> bool:
    """Return whether a model may write this task's substitutions in the dialect `shell`.

    That is one at most, of a few tasks without a further one. In the word around it are no variables, no
    wildcards in quotes, and none before it.
    """
    words = [parts for item in task.args if any(map(_is_output, parts := _parts(item)))]
    outputs = [part.task for parts in words for part in parts if isinstance(part, TaskOutput)]
    if not outputs:
        return True
    inner = _members(tasks, outputs[0])
    has_further = any(_is_output(part) for one in inner for item in one.args for part in _parts(item))
    if len(outputs) > 1 or has_further or len(inner) > MAX_INNER_TASKS:
        return False
    (parts,) = words
    place = next(index for index, part in enumerate(parts) if _is_output(part))
    before, behind = parts[:place], parts[place + 1 :]
    if not all(isinstance(part, str) for part in before) or any(isinstance(part, Env) for part in behind):
        return False
    return not any(isinstance(part, str) and not _WILDCARDS.isdisjoint(part) for part in parts)


def _members(tasks: Sequence[Task], number: int) -> list[Task]:
    """Return the tasks of the pipeline that ends with a task, the last one first."""
    members = []
    following: int | None = number
    while following is not None:
        members.append(tasks[following - 1])
        following = members[-1].input_from_task
    return members


def _parts(item: Argument) -> Sequence[Argument]:
    return item.text if isinstance(item, Text) else (item,)


def _is_output(part: Argument) -> bool:
    return isinstance(part, TaskOutput)


def _pipeline(tasks: Sequence[Task], number: int) -> str:
    """Return the pipeline that ends with a task."""
    task = tasks[number - 1]
    line = command_line(task, output_of=lambda source: _pipeline(tasks, source))
    source = task.input_from_task
    return line if source is None else f"{_pipeline(tasks, source)} | {line}"


def _is_one_line(text: str) -> bool:
    return not any(char < " " for char in text)


def _is_read_as(text: str, tasks: Sequence[Task]) -> bool:
    try:
        read = parse_shell(text).tasks
    except AgxError:
        return False
    return [task.written() for task in read] == [task.written() for task in tasks]
