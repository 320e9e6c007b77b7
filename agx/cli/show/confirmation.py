"""Asking a person on the terminal whether a plan may run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from agx.cli.show.output import is_terminal, visible_on
from agx.cli.show.tables import MAX_CELL_CHARS, plan_table
from agx.errors import NotApproved
from agx.plan.schema import Plan, Task
from agx.run.job import CheckedRun
from agx.run.preflight import not_approved, risks_to_approve
from agx.run.preview import preview_of
from agx.shell.render import shell_argument, task_line
from agx.util.texts import shortened, visible

_MAX_ANSWER_BYTES = 1024
_MAX_LINE_CHARS = 400


def show_checked(checked: CheckedRun) -> None:
    """Show a plan on standard error, with what its patterns and variables are now."""
    # The table has made everything visible itself, and may have colours.
    sys.stderr.write(visible_on(sys.stderr, plan_table(checked.plan)) + "\n\n")
    for line in _expanded_lines(checked):
        sys.stderr.write(visible_on(sys.stderr, visible(line)) + "\n")


def ask(checked: CheckedRun) -> None:
    """Show the plan, and ask whether it may run; returns after a yes.

    Raises `NotApproved` without a person to answer, for any other answer, and for a task that is too long
    to be shown whole, since a yes must cover everything that runs.
    """
    plan = checked.plan
    with _person() as terminal:
        if terminal is None:
            raise not_approved(plan)
        for task in plan.tasks:
            if _shown_chars(task) > MAX_CELL_CHARS:
                raise NotApproved(
                    f"task {task.task_number} ({task.command}) is too long to be shown; nothing was run",
                    hint="look at it with --dry-run --json; --approve runs it",
                    task=task.task_number,
                )
        show_checked(checked)
        if not _answer(terminal, f"{_risk_sentence(plan)} Run this plan? [y/N] "):
            raise NotApproved(
                "the plan was not approved; nothing was run", hint="--dry-run shows what would run"
            )


def _risk_sentence(plan: Plan) -> str:
    risky = [str(task.task_number) for task in plan.tasks if set(task.risk) - {"reads"}]
    if not risky:
        return "It only reads."
    which = f"Task {risky[0]} does" if len(risky) == 1 else f"Tasks {', '.join(risky)} do"
    return f"{which} more than read ({', '.join(risks_to_approve(plan))})."


def _expanded_lines(checked: CheckedRun) -> Iterator[str]:
    """Yield what each task that does more than read gets in place of its patterns and variables."""
    written = {task.task_number: task_line(task) for task in checked.plan.tasks}
    for task in preview_of(checked).tasks:
        if set(task.risk) <= {"reads"} or task.line == written[task.task_number]:
            continue
        line = shortened(task.line, _MAX_LINE_CHARS)
        yield f"Task {task.task_number} would run, with {len(task.argv) - 1} arguments: {line}"


@contextlib.contextmanager
def _person() -> Iterator[int | None]:
    """Yield the descriptor of the terminal whose person sees standard error, or None."""
    if not is_terminal(sys.stderr):
        yield None
    elif is_terminal(sys.stdin):
        yield sys.stdin.fileno()
    else:
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield terminal
        finally:
            os.close(terminal)


def _answer(terminal: int, question: str) -> bool:
    import termios  # noqa: PLC0415  not on Windows, where a plan was refused before this

    # What was typed before the question does not answer it.
    with contextlib.suppress(termios.error):
        termios.tcflush(terminal, termios.TCIFLUSH)
    sys.stderr.write(question)
    sys.stderr.flush()
    line = os.read(terminal, _MAX_ANSWER_BYTES)
    if not line.endswith(b"\n"):
        sys.stderr.write("\n")
    return line.strip().lower() in {b"y", b"yes"}


def _shown_chars(task: Task) -> int:
    """Return about how many characters a task takes in the table, escapes included."""
    words = [task.command, *map(shell_argument, task.args), task.save_to or task.append_to or ""]
    return sum(len(word.encode("unicode_escape")) + 1 for word in words)
