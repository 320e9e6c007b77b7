"""A plan as JSON and as shell text.

Shell text is made so that running it in `sh` gives each tool exactly the plan's arguments: literal
text is quoted, patterns stay open but their spaces do not split, variables stand in double quotes,
another task's output is `"$(…)"`, or with `split` unquoted. In the path of a redirection a leading
`~/` is the home folder. The first line is a comment with the risk of every task.

A plan that is one pipeline is one line, and `agx.shell.parse` reads it back as the same plan. Several
pipelines are joined with `&&`, and what is no pipeline is a script in which each task runs once: as
in a plan, nothing runs after a task that failed.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence

from agx.errors import PlanInvalid, Unsupported
from agx.plan.references import sources
from agx.plan.schema import Argument, Env, Glob, Plan, Task, TaskOutput, Text
from agx.plan.tools import Registry
from agx.shell.tokens import KEYWORDS
from agx.unix.exit_codes import accepted_exit_codes
from agx.unix.registry import unix_registry

_UNSAFE_IN_PATTERN = re.compile(r"([^\w./*?\[\]!^,:@%+=-])")
_SCRIPT = """\
{out}=$(mktemp -d) || exit
trap 'rm -rf "${out}"' EXIT
trap 'exit 1' HUP INT TERM"""


def plan_json(plan: Plan) -> str:
    """Return the plan's JSON, indented, without a final newline."""
    return json.dumps(plan.to_dict(), indent=2, ensure_ascii=False)


def plan_shell(plan: Plan, registry: Registry | None = None) -> str:
    """Return one pipeline where the plan is one, otherwise a script in which each task runs once.

    The registry (of Unix commands unless given) says which exit codes are not a failure. Raises
    `Unsupported` for tools with `arguments`, which are functions and no commands, and `PlanInvalid`
    for a task that reads one that is not before it, or one whose output goes to a file.
    """
    _check(plan.tasks)
    lines = _commands(plan.tasks, unix_registry() if registry is None else registry)
    return "\n".join([*risk_comment(plan.tasks), *lines])


def risk_comment(tasks: Sequence[Task]) -> list[str]:
    """Return a line such as `# risk: task 1 reads; tasks 2, 3 reads writes`; none without risks."""
    by_risk: dict[str, list[str]] = {}
    for task in tasks:
        by_risk.setdefault(" ".join(task.risk) or "unknown", []).append(str(task.task_number))
    if by_risk.keys() <= {"unknown"}:
        return []
    marks = (f"task{'s'[: len(of) > 1]} {', '.join(of)} {risk}" for risk, of in by_risk.items())
    return ["# risk: " + "; ".join(marks)]


def shell_argument(item: Argument) -> str:
    """Return one argument as a person reads it in a table: quoted, with its typed values visible."""
    return _word(item, lambda number: f"task {number}")


def task_line(task: Task) -> str:
    """Return what a task calls on one line, as a person reads it; where input and output go is not in it."""
    words = [task.command, *map(shell_argument, task.args)]
    if task.arguments is not None:
        words.append(json.dumps(task.arguments, ensure_ascii=False))
    return " ".join(words)


def _check(tasks: Sequence[Task]) -> None:
    for task in tasks:
        if task.arguments is not None:
            raise Unsupported(
                f"task {task.task_number} calls the function {task.command}, which a shell cannot",
                hint="use --format json",
            )
        for number in sources(task):
            if number >= task.task_number or tasks[number - 1].saves_output:
                why = "is not before it" if number >= task.task_number else "sends its output to a file"
                raise PlanInvalid(
                    f"task {task.task_number} reads task {number}, which {why}",
                    hint="let it read an earlier task that has output",
                )


def _commands(tasks: Sequence[Task], registry: Registry) -> list[str]:
    used = [number for task in tasks for number in sources(task)]
    if len(used) == len(set(used)):
        roots = [task.task_number for task in tasks if task.task_number not in used]
        pipelines = _Pipelines(tasks)
        if all(pipelines.is_in_a_row(root) for root in roots):
            lines = [pipelines.text(root) for root in roots]
            return _joined(lines, [tasks[root - 1] for root in roots], registry)
    return _script(tasks, set(used), registry)


class _Pipelines:
    """Writes tasks whose outputs are used at most once: one pipeline for each that no other reads."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks

    def is_in_a_row(self, number: int) -> bool:
        """Return whether the tasks behind this one stand next to each other, so that order is kept."""
        members = list(self._members(number))
        return max(members) - min(members) + 1 == len(members)

    def _members(self, number: int) -> Iterator[int]:
        yield number
        for source in sources(self._tasks[number - 1]):
            yield from self._members(source)

    def text(self, number: int, *, is_inside: bool = False) -> str:
        """Return the pipeline that ends with a task.

        Inside a substitution of a command that reads a pipe, its first command would read that pipe.
        """
        task = self._tasks[number - 1]
        has_pipe = is_inside or task.input_from_task is not None
        line = command_line(task, output_of=lambda source: self.text(source, is_inside=has_pipe))
        if task.input_from_task is not None:
            return f"{self.text(task.input_from_task, is_inside=is_inside)} | {line}"
        return f"{line} < /dev/null" if is_inside else line


def _joined(lines: Sequence[str], last: Sequence[Task], registry: Registry) -> list[str]:
    """Join lines so that none runs after one that failed; `last` has the task that each ends with."""
    before = [
        f"{_tolerant(line, task, registry)} &&" for line, task in zip(lines[:-1], last[:-1], strict=True)
    ]
    return [*before, lines[-1]]


def _tolerant(line: str, task: Task, registry: Registry) -> str:
    """Let a line succeed with the exit codes that its task accepts."""
    accepted = [code for code in accepted_exit_codes(task, registry) if code != 0]
    if not accepted:
        return line
    codes = "|".join(map(str, accepted))
    check = f"[ $? -eq {codes} ]" if len(accepted) == 1 else f"case $? in {codes}) ;; *) false ;; esac"
    return f"{{ {line} || {check}; }}"


def _script(tasks: Sequence[Task], used: set[int], registry: Registry) -> list[str]:
    """Write a script that keeps each output that is used in a file of its own."""
    out = _free_name(tasks)
    lines = []
    for task in tasks:
        line = command_line(task, output_of=lambda number: f'cat "${out}/{number}"')
        if task.input_from_task is not None:
            line += f' < "${out}/{task.input_from_task}"'
        if task.task_number in used:
            line += f' > "${out}/{task.task_number}"'
        lines.append(line)
    return [*_SCRIPT.format(out=out).splitlines(), *_joined(lines, tasks, registry)]


def _free_name(tasks: Sequence[Task]) -> str:
    """Return a name for the script's own variable that no task reads."""
    read = {
        part.env for task in tasks for item in task.args for part in _parts(item) if isinstance(part, Env)
    }
    name = "agx_out"
    while name in read:
        name += "_"
    return name


def _parts(item: Argument) -> Sequence[Argument]:
    return item.text if isinstance(item, Text) else (item,)


def command_line(task: Task, *, output_of: Callable[[int], str]) -> str:
    """Return one command with its redirection; `output_of` writes the command behind `{"task": n}`."""
    words = [command_word(task.command), *(_word(item, output_of) for item in task.args)]
    if task.save_to is not None:
        words += [">", shell_path(task.save_to)]
    elif task.append_to is not None:
        words += [">>", shell_path(task.append_to)]
    return " ".join(words)


def command_word(command: str) -> str:
    """Quote a command's name so that a shell takes it for neither a keyword nor an assignment."""
    is_grammar = command in KEYWORDS or "=" in command
    return f"'{command}'" if is_grammar and "'" not in command else shlex.quote(command)


def shell_path(path: str) -> str:
    """Return the path of a redirection, quoted, in which a leading `~/` stays the home folder."""
    if path.startswith("~/"):
        return "~/" + (shlex.quote(path[2:]) if path[2:] else "")
    return shlex.quote(path)


def _word(item: Argument, output_of: Callable[[int], str]) -> str:
    """Return one argument. A pattern's leading dash gets `./`: what matches is a file, never an option.

    A dash that is text is quoted in a pattern with a set, where it could stand for a range.
    """
    if isinstance(item, TaskOutput) and item.split:
        return f"$({output_of(item.task)})"
    has_set = any(isinstance(part, Glob) and "[" in part.glob for part in _parts(item))
    word = "".join(
        f"'{part}'" if has_set and part == shlex.quote(str(part)) else _part(part, output_of)
        for part in _parts(item)
    )
    first = _parts(item)[0]
    return "./" + word if isinstance(first, Glob) and word.startswith("-") else word


def _part(part: Argument, output_of: Callable[[int], str]) -> str:
    """Return a part of one argument, in which nothing is split."""
    if isinstance(part, str):
        return shlex.quote(part)
    if isinstance(part, Glob):
        return _pattern(part.glob)
    if isinstance(part, Env):
        return f'"${part.env}"'
    assert isinstance(part, TaskOutput), "a text has no texts in it"
    return f'"$({output_of(part.task)})"'


def _pattern(glob: str) -> str:
    r"""Quote what would split or expand, but not the wildcards; a newline cannot be escaped by `\\`.

    `[^a]` is bash's; every shell has `[!a]`.
    """
    return _UNSAFE_IN_PATTERN.sub(lambda m: "'\n'" if m[1] == "\n" else "\\" + m[1], glob.replace("[^", "[!"))
