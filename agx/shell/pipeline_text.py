"""Tasks as the one pipeline that a model writes of them: the shell dialect, from plan to text.

`agx.shell.render` writes for a shell; here `agx.shell.parse` is the reader. So a substitution behind a pipe
needs no `< /dev/null`, and a text counts only if it is read back as the same tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.errors import AgxError
from agx.plan.references import sources
from agx.plan.schema import Task
from agx.shell.parse import parse_shell
from agx.shell.render import command_line


def pipeline_text(tasks: Sequence[Task]) -> str | None:
    """Return the pipeline, on one line, that is read back as these tasks; None where no single one is.

    Time limits have no form in it and are left out, as risk is, which is computed anyway.
    """
    used = [number for task in tasks for number in sources(task)]
    is_once = len(used) == len(set(used)) == len(tasks) - 1
    if not is_once or any(number >= task.task_number for task in tasks for number in sources(task)):
        return None
    text = _pipeline(tasks, len(tasks))
    return text if _is_one_line(text) and _is_read_as(text, tasks) else None


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
