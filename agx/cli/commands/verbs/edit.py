"""`agx plan edit`: changing a task, by options or in an editor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from agx.cli.commands.verbs.shared import Verb, buffer_option, show_step
from agx.cli.instruction import usable
from agx.cli.shared_options import App, json_option
from agx.cli.show.output import Notes, is_terminal
from agx.errors import CallerError, PlanInvalid, UsageError

if TYPE_CHECKING:
    from agx.plan.open_plan import OpenPlan
    from agx.session.building import PlanSession
    from agx.session.task_edit import TaskEdit

EPILOG = """\b
Examples:
  agx plan edit 2 --command "sort -rn"
  agx plan edit 2 --input-from 1
  agx plan edit 3 --save-to lines.txt --timeout-secs 60
  agx plan edit --instruction "count the lines of every rust file"
  agx plan edit

Without options the task, or the whole plan, is opened in $VISUAL or $EDITOR.
"""
_CONTRADICTIONS = (
    ("command", "task"),
    ("input_from", "no_input"),
    ("save_to", "append_to"),
    ("save_to", "no_save"),
    ("append_to", "no_save"),
)


@click.command("edit", cls=Verb, epilog=EPILOG)
@click.argument("number", type=int, required=False, metavar="[N]")
@click.option("--command", metavar="TEXT", help="Call this command instead, written as for a shell.")
@click.option("--task", metavar="JSON", help="Put this task in its place.")
@click.option("--input-from", type=int, metavar="N", help="Let it read the output of task N.")
@click.option("--no-input", is_flag=True, help="Let it read no other task's output.")
@click.option("--save-to", metavar="FILE", help="Save its output to a file.")
@click.option("--append-to", metavar="FILE", help="Append its output to a file.")
@click.option("--no-save", is_flag=True, help="Send its output to no file.")
@click.option("--timeout-secs", type=int, metavar="SECS", help="Its time limit.")
@click.option("--instruction", metavar="TEXT", help="Say what the whole plan is for.")
@json_option
@buffer_option
@click.pass_obj
def edit(
    app: App,
    /,
    *,
    number: int | None,
    instruction: str | None,
    as_json: bool,
    buffer: str | None,
    **fields: Any,  # noqa: ANN401  those of `TaskEdit`
) -> int:
    """Change a task, by options or in an editor."""
    from agx.app.places import plan_session
    from agx.session.task_edit import TaskEdit

    change = TaskEdit(**fields)
    if not change.given and instruction is None:
        return _edit_in_editor(app, number, buffer=buffer, as_json=as_json)
    _check(number, change)
    if instruction is not None:
        usable(instruction)
    session = plan_session(buffer)
    return show_step(app, session, session.edit(number, change, instruction=instruction), as_json=as_json)


def _check(number: int | None, change: TaskEdit) -> None:
    if change.given and number is None:
        raise UsageError("the options are for one task", hint="give its number: agx plan edit 2 …")
    for pair in _CONTRADICTIONS:
        if change.given >= set(pair):
            first, second = (f"--{name.replace('_', '-')}" for name in pair)
            raise UsageError(f"{first} and {second} contradict each other", hint="give one of them")


def _edit_in_editor(app: App, number: int | None, *, buffer: str | None, as_json: bool) -> int:
    """Let a person change JSON until it is a plan, or nothing is to be changed."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(
            "nothing says what to change, and there is no terminal for an editor",
            hint="give an option, such as --command; `agx plan edit --help` lists them",
        )
    from agx.app.places import plan_session

    session = plan_session(buffer)
    base = session.plan()
    plan = _from_editor(session, base, number, notes=app.notes)
    if plan is None:
        app.notes.done("nothing was changed")
        return 0
    done = f"changed {'the plan' if number is None else f'task {number}'} in an editor"
    return show_step(app, session, session.commit(base, plan, done), as_json=as_json)


def _from_editor(
    session: PlanSession, base: OpenPlan, number: int | None, *, notes: Notes
) -> OpenPlan | None:
    """Open the JSON until it is a plan that can be run; None where the person gives up."""
    from agx.session.task_edit import editable_json

    text = editable_json(base, number)
    while True:
        edited = _opened(text)
        if edited is None:
            return None
        try:
            return session.edited(base, edited, number)
        except (CallerError, PlanInvalid) as error:
            notes.error(error)
        if not click.confirm("Edit it again?", default=True, err=True):
            return None
        text = edited


def _opened(text: str) -> str | None:
    """Open the text in the editor; None where it was left as it was. Raises `UsageError`."""
    try:
        return click.edit(text, extension=".json")
    except click.ClickException as error:
        reason = error.format_message()
    except UnicodeDecodeError:
        reason = "what it left is no UTF-8 text"
    except (OSError, ValueError) as error:  # the file is gone, or $EDITOR is not a command line
        reason = str(error)
    raise UsageError(
        f"the editor failed, and nothing was changed: {reason}",
        hint="set VISUAL or EDITOR to an editor that is here, or give options instead",
    )
