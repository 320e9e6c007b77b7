"""`agx plan edit`: changing a task, by options or in an editor."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from agx.cli.building import buffer_of, change, changed_meanwhile, checked, registry_of, task_rows, tell_done
from agx.cli.changes import task_text
from agx.cli.instruction import usable
from agx.cli.options import App
from agx.cli.output import is_terminal
from agx.cli.verbs import buffer_option, json_option, verb
from agx.errors import CallerError, PlanInvalid, UsageError
from agx.plan import editing
from agx.plan.exact import exact_tasks
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Plan, Task
from agx.shell.parse import ShellReading, read_shell

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
_REDIRECTIONS = {"save_to", "append_to"}
_CLEARED = {"no_input": ("input_from_task",), "no_save": ("save_to", "append_to")}
_FIELDS = {
    "input_from": "input_from_task",
    "save_to": "save_to",
    "append_to": "append_to",
    "timeout_secs": "timeout_secs",
}


@verb("edit", epilog=EPILOG)
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
def edit(app: App, /, *, number: int | None, **options: Any) -> int:  # noqa: ANN401  click's
    """Change task N; without N, the whole plan."""
    names = ("command", "task", *_FIELDS, *_CLEARED)
    # A flag that is not given is False, an option None; 0 is a value, and a wrong one.
    of_task = {name: value for name in names if (value := options[name]) is not None and value is not False}
    instruction = options["instruction"]
    if not of_task and instruction is None:
        return _in_editor(app, options, number)
    if of_task and number is None:
        raise UsageError("the options are for one task", hint="give its number: agx plan edit 2 …")
    for pair in _CONTRADICTIONS:
        if of_task.keys() >= set(pair):
            first, second = (f"--{name.replace('_', '-')}" for name in pair)
            raise UsageError(f"{first} and {second} contradict each other", hint="give one of them")
    if instruction is not None:
        usable(instruction)

    reading = None if options["command"] is None else read_shell(options["command"])

    def edited(plan: OpenPlan) -> tuple[OpenPlan, str]:
        done = "changed what the plan is for"
        if instruction is not None:
            plan = plan.with_instruction(instruction)
        if number is not None and of_task:
            task = _with_options(editing.existing(plan.tasks, number), plan, of_task, reading)
            plan = plan.with_tasks(editing.replace_task(plan.tasks, number, task))
            if "command" in of_task or "task" in of_task:
                plan = plan.with_asked(number, task_text(task))
            limit = f", at most {task.timeout_secs} s" if "timeout_secs" in of_task else ""
            done = f"changed task {number}: {task_text(task)}{limit}"
        return plan, done

    said = () if reading is None else reading.findings
    return change(app, options, edited, said=[one.model_copy(update={"task": number}) for one in said])


def _with_options(task: Task, plan: OpenPlan, given: Mapping[str, Any], reading: ShellReading | None) -> Task:
    """Return the task with what the options say; raises `UsageError` or `PlanInvalid`."""
    data = task.to_dict()
    if "task" in given:
        data = _one(task_rows(str(given["task"])), 'add the others: agx plan add --task "…"')
    elif reading is not None:
        called = _called(reading.plan)
        replaced = {"arguments"} | (_REDIRECTIONS if called.keys() & _REDIRECTIONS else set())
        data = {key: value for key, value in data.items() if key not in replaced} | called
    for name in given.keys() & _CLEARED.keys():
        for key in _CLEARED[name]:
            data.pop(key, None)
    for name in given.keys() & _FIELDS.keys():
        data[_FIELDS[name]] = given[name]
    if len(named := given.keys() & _REDIRECTIONS) == 1:
        for key in _REDIRECTIONS - named:
            data.pop(key, None)
    rows = [one.to_dict() for one in plan.tasks]
    rows[task.task_number - 1] = data | {"task_number": task.task_number}
    return exact_tasks(rows)[task.task_number - 1]


def _called(plan: Plan) -> dict[str, Any]:
    """Return what a shell text changes of a task: command, arguments, and where its output goes."""
    rows = [task.written() for task in plan.tasks]
    return _one(rows, 'add the others: agx plan add --command "…"')


def _one(rows: list[dict[str, Any]], hint: str) -> dict[str, Any]:
    if not rows:
        raise UsageError("there is no task in this list", hint="to take the task away: agx plan remove N")
    if len(rows) > 1:
        raise UsageError(f"this makes {len(rows)} tasks, and one is to be changed", hint=hint)
    return rows[0]


def _in_editor(app: App, options: Mapping[str, Any], number: int | None) -> int:
    """Let a person change JSON until it is a plan, or nothing is to be changed."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(
            "nothing says what to change, and there is no terminal for an editor",
            hint="give an option, such as --command; `agx plan edit --help` lists them",
        )
    buffer = buffer_of(options)
    seen = buffer.current()
    rows = [task.to_dict() for task in seen.tasks]
    for row in rows:
        del row["risk"]  # it is computed
    shown = rows if number is None else rows[editing.existing(seen.tasks, number).task_number - 1]
    changed = _from_editor(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", seen, number, app=app)
    if changed is None:
        app.notes.done("nothing was changed")
        return 0

    def commit(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        if plan != seen:
            raise changed_meanwhile()
        return changed, f"changed {'the plan' if number is None else f'task {number}'} in an editor"

    plan, done = buffer.change(commit)
    return tell_done(plan, done, app=app, options=options)


def _from_editor(text: str, seen: OpenPlan, number: int | None, *, app: App) -> OpenPlan | None:
    """Open the text until it is a plan that can be run; None where the person gives up."""
    while True:
        edited = _opened(text)
        if edited is None:
            return None
        try:
            return _edited(edited, seen, number)
        except (CallerError, PlanInvalid) as error:
            app.notes.error(error)
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
    except (OSError, ValueError) as error:  # the file is gone, or $EDITOR is no command line
        reason = str(error)
    raise UsageError(
        f"the editor failed, and nothing was changed: {reason}",
        hint="set VISUAL or EDITOR to an editor that is here, or give options instead",
    )


def _edited(text: str, seen: OpenPlan, number: int | None) -> OpenPlan:
    """Read what the editor left; raises `UsageError` and `PlanInvalid`."""
    rows = task_rows(text)
    if number is not None:
        row = _one(rows, "edit the whole plan instead: agx plan edit")
        rows = [task.to_dict() for task in seen.tasks]
        rows[number - 1] = row
    # Numbers are places here, so that a task can be taken out or put in.
    numbered = [row | {"task_number": place} for place, row in enumerate(rows, start=1)]
    tasks = exact_tasks(numbered)
    checked(tasks, registry_of(seen))
    return seen.with_tasks(tasks)
