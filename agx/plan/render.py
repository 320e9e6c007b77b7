"""A plan as JSON and as shell text.

Shell text is made so that running it in `sh` gives each tool exactly the plan's arguments: literal
text is quoted, patterns stay open but their spaces do not split, variables stand in double quotes,
another task's output is `"$(…)"`, or with `split` unquoted. In the path of a redirection a leading
`~/` is the home folder.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence

from agx.errors import Unsupported
from agx.plan.rules import sources
from agx.plan.schema import Argument, Env, Glob, Plan, Task, TaskOutput, Text
from agx.plan.shell_words import KEYWORDS

_UNSAFE_IN_PATTERN = re.compile(r"([^\w./*?\[\]!,:@%+=-])")


def plan_json(plan: Plan) -> str:
    """Give the plan's JSON, indented, without a final newline."""
    return json.dumps(plan.to_dict(), indent=2, ensure_ascii=False)


def plan_shell(plan: Plan) -> str:
    """Give one pipeline where the plan is one, otherwise a script in which each task runs once.

    Raises `Unsupported` for tools with `arguments`: those are functions, not commands.
    """
    for task in plan.tasks:
        if task.arguments is not None:
            raise Unsupported(
                f"task {task.task_number} calls the function {task.command}, which a shell cannot",
                hint="use --format json",
            )
    tasks = plan.tasks
    used = [number for task in tasks for number in sources(task)]
    lines = _Lines(tasks)
    if len(used) == len(set(used)):
        roots = [task.task_number for task in tasks if task.task_number not in used]
        if all(lines.is_in_a_row(root) for root in roots):
            return "\n".join(lines.pipeline(root) for root in roots)
    return "\n".join(_script(tasks))


class _Lines:
    """Writes tasks whose outputs are used at most once: one pipeline for each that nobody reads."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks

    def members(self, number: int) -> set[int]:
        task = self._tasks[number - 1]
        return {number}.union(*(self.members(source) for source in sources(task)))

    def is_in_a_row(self, number: int) -> bool:
        """Say whether the tasks behind this one stand next to each other, so that order is kept."""
        members = self.members(number)
        return max(members) - min(members) + 1 == len(members)

    def pipeline(self, number: int) -> str:
        task = self._tasks[number - 1]
        before = f"{self.pipeline(task.input_from_task)} | " if task.input_from_task else ""
        return before + command_line(task, output_of=self.pipeline)


def command_line(task: Task, *, output_of: Callable[[int], str]) -> str:
    """Give one command with its redirection; `output_of` writes the command behind `{"task": n}`."""
    words = [_name(task.command), *(_word(item, output_of) for item in task.args)]
    if task.save_to is not None:
        words += [">", _path(task.save_to)]
    elif task.append_to is not None:
        words += [">>", _path(task.append_to)]
    return " ".join(words)


def _name(command: str) -> str:
    """Quote a command's name so that a shell takes it for neither a keyword nor an assignment."""
    is_grammar = command in KEYWORDS or "=" in command
    return f"'{command}'" if is_grammar and "'" not in command else shlex.quote(command)


def _path(path: str) -> str:
    return "~/" + shlex.quote(path[2:]) if path.startswith("~/") and path[2:] else shlex.quote(path)


def _word(item: Argument, output_of: Callable[[int], str]) -> str:
    if isinstance(item, str):
        return shlex.quote(item)
    if isinstance(item, Text):
        return "".join(_part(part, output_of) for part in item.text)
    if isinstance(item, Glob):
        return _pattern(item.glob)
    if isinstance(item, Env):
        return f'"${item.env}"'
    substitution = f"$({output_of(item.task)})"
    return substitution if item.split else f'"{substitution}"'


def _part(part: str | Glob | Env | TaskOutput, output_of: Callable[[int], str]) -> str:
    """Give a part of one argument, in which nothing is split."""
    return _word(TaskOutput(task=part.task) if isinstance(part, TaskOutput) else part, output_of)


def _pattern(glob: str) -> str:
    r"""Quote what would split or expand, but not the wildcards; a newline cannot be escaped by `\\`."""
    escaped = _UNSAFE_IN_PATTERN.sub(lambda m: "'\n'" if m[1] == "\n" else "\\" + m[1], glob)
    return escaped if not escaped.startswith("-") else "./" + escaped


def _script(tasks: Sequence[Task]) -> list[str]:
    """Write a script that keeps each output that is used in a file of its own.

    Its one variable has a name that no plan is likely to read with `{"env"}`.
    """
    used = {number for task in tasks for number in sources(task)}
    lines = ["agx_out=$(mktemp -d) || exit 1", "trap 'rm -rf \"$agx_out\"' EXIT"]
    for task in tasks:
        line = command_line(task, output_of=lambda number: f'cat "$agx_out/{number}"')
        if task.input_from_task is not None:
            line += f' < "$agx_out/{task.input_from_task}"'
        if task.task_number in used:
            line += f' > "$agx_out/{task.task_number}"'
        lines.append(line)
    return lines


def shell_argument(item: Argument) -> str:
    """Give one argument as a person reads it in a table: quoted, with its typed values visible."""
    return _word(item, lambda number: f"task {number}")
