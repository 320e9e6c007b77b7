"""`agx plan new|preview|remove|move|undo`: the steps of building a plan that need no model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agx.app.places import stored_plans
from agx.cli.building import buffer_of, change, checked, json_or_none, show, tell_done
from agx.cli.changes import task_text
from agx.cli.files import read_text
from agx.cli.instruction import instruction_of
from agx.cli.options import App, tools_option
from agx.cli.output import Notes, write_result
from agx.cli.registries import chosen_registry
from agx.cli.showing import chosen_format, chosen_output, format_for, format_options
from agx.cli.verbs import buffer_option, json_option, verb
from agx.errors import StorageError, UsageError
from agx.plan import editing
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.rules.check import read_plan
from agx.util.texts import shortened

NEW_EPILOG = """\b
Examples:
  agx plan new "count the lines of every rust file"
  agx plan new
  agx plan new --from plan_01k
  agx plan new --tools my-tools.json
"""
REMOVE_EPILOG = """\b
Examples:
  agx plan remove 2
  agx plan remove 2 --reconnect
"""
MOVE_EPILOG = """\b
Example:
  agx plan move 3 1
"""
UNDO_EPILOG = """\b
Examples:
  agx plan undo
  agx plan undo 3
"""
PREVIEW_EPILOG = """\b
Examples:
  agx plan preview
  agx plan preview --format shell -o count.sh
"""


@verb("new", epilog=NEW_EPILOG)
@click.argument("words", nargs=-1, metavar="[INSTRUCTION]")
@click.option("--from", "source", metavar="PLAN", help="Begin with the tasks of a stored plan or a file.")
@tools_option("Build it with the tools of this JSON or TOML file.")
@click.option("--force", is_flag=True, help="Begin anew although a plan is unfinished (undo brings it back).")
@json_option
@buffer_option
@click.pass_obj
def new(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    source: str | None,
    tools: tuple[str, ...],
    force: bool,
    **options: Any,  # noqa: ANN401  click's
) -> int:
    """Begin a plan."""
    buffer = buffer_of(options)
    begun = _begun(instruction_of(words, verb="new"), source=source, tools=tools, notes=app.notes)
    if force:
        aside = buffer.set_aside()
        if aside is not None:
            app.notes.warning(f"the plan that was being built could not be read; its file is now {aside}")

    def replace(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        if plan is not None and plan.tasks and not plan.is_finished and not force:
            plural = "" if len(plan.tasks) == 1 else "s"
            what = f": {shortened(plan.goal, 60)}" if plan.goal else ""
            raise UsageError(
                f"there is an unfinished plan with {len(plan.tasks)} task{plural}{what}",
                hint="finish it with `agx plan validate`, or begin anew with --force",
            )
        return begun, 'began a plan; add to it with agx plan add "…"'

    plan, done = buffer.change(replace)
    return tell_done(plan, done, app=app, options=options)


@verb("preview", epilog=PREVIEW_EPILOG)
@format_options
@buffer_option
@click.pass_obj
def preview(app: App, /, **options: Any) -> int:  # noqa: ANN401  click's
    """Show the plan as it stands."""
    show(buffer_of(options).current(), app=app, form=chosen_format(options), output=chosen_output(options))
    return 0


@verb("remove", epilog=REMOVE_EPILOG)
@click.argument("number", type=int, metavar="N")
@click.option("--reconnect", is_flag=True, help="Let the tasks that read it read what it reads itself.")
@click.option("--cascade", is_flag=True, help="Remove the tasks that read it as well.")
@json_option
@buffer_option
@click.pass_obj
def remove(app: App, /, *, number: int, reconnect: bool, cascade: bool, **options: Any) -> int:  # noqa: ANN401
    """Take a task away."""
    if reconnect and cascade:
        raise UsageError("--reconnect and --cascade contradict each other", hint="give one of them")
    when_read: editing.WhenRead = "reconnect" if reconnect else "cascade" if cascade else "refuse"

    def edit(plan: OpenPlan) -> tuple[OpenPlan, str]:
        tasks = editing.remove_task(plan.tasks, number, when_read=when_read)
        more = len(plan.tasks) - len(tasks) - 1
        also = f" and {more} that read it" if more else ""
        return plan.with_tasks(tasks), f"removed task {number}{also}: {task_text(plan.tasks[number - 1])}"

    return change(app, options, edit)


@verb("move", epilog=MOVE_EPILOG)
@click.argument("number", type=int, metavar="N")
@click.argument("to", type=int, metavar="TO")
@json_option
@buffer_option
@click.pass_obj
def move(app: App, /, *, number: int, to: int, **options: Any) -> int:  # noqa: ANN401  click's
    """Move a task to another place: task N becomes task TO."""

    def edit(plan: OpenPlan) -> tuple[OpenPlan, str]:
        tasks = editing.move_task(plan.tasks, number, to)
        return plan.with_tasks(tasks), f"moved task {number} to {to}: {task_text(tasks[to - 1])}"

    return change(app, options, edit)


@verb("undo", epilog=UNDO_EPILOG)
@click.argument("count", type=click.IntRange(min=1), default=1, metavar="[COUNT]")
@json_option
@buffer_option
@click.pass_obj
def undo(app: App, /, *, count: int, **options: Any) -> int:  # noqa: ANN401  click's
    """Take back the last change, or the last COUNT ones."""
    buffer = buffer_of(options)
    undone = buffer.undo(count)
    plan = buffer.read()
    form = json_or_none(options)
    if plan is not None:
        show(plan, app=app, form=form)
    else:
        write_result("null" if format_for(form) == "json" else "no plan is being built")
    for done in undone:
        app.notes.done(f"undone: {done}")
    return 0


def _begun(instruction: str | None, *, source: str | None, tools: Sequence[str], notes: Notes) -> OpenPlan:
    """Return the plan to begin with; raises what reading the source or the tools raises."""
    files = tuple(str(Path(file).absolute()) for file in tools)
    plan = OpenPlan.begun(instruction or "", tools=files)
    registry = chosen_registry(files, notes=notes)
    if source is None:
        return plan
    told, tasks = _tasks_of(source, registry)
    checked(tasks, registry)
    return OpenPlan.begun(instruction or told, tasks=tasks, tools=files)


def _tasks_of(source: str, registry: Registry) -> tuple[str, tuple[Task, ...]]:
    """Return instruction and tasks of a plan: a file where there is one of that name, or a stored plan."""
    if Path(source).is_file():
        found, _ = read_plan(read_text(Path(source), what="plan"), registry)
        return found.instruction, found.tasks
    try:
        stored = stored_plans(registry).get(source).plan
    except (UsageError, StorageError) as error:
        error.hint = f"give the name of a file, or an id; {error.hint}"
        raise
    return stored.instruction, stored.tasks
