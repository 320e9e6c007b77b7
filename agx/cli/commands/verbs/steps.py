"""`agx plan new|preview|remove|move|undo`: the steps of building a plan that need no model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agx.cli.commands.verbs.shared import Verb, buffer_option, json_target, show_open_plan, show_step
from agx.cli.inputs import chosen_registry, read_text
from agx.cli.instruction import instruction_of
from agx.cli.shared_options import App, json_option, target_options, tools_option
from agx.cli.show.formats import Target
from agx.cli.show.output import write_result
from agx.errors import StorageError, UsageError

if TYPE_CHECKING:
    from agx.plan.schema import Plan
    from agx.plan.tools import Registry

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


@click.command("new", cls=Verb, epilog=NEW_EPILOG)
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
    as_json: bool,
    buffer: str | None,
) -> int:
    """Begin a plan."""
    from agx.app.places import plan_session
    from agx.plan.open_plan import OpenPlan

    session = plan_session(buffer)
    instruction = instruction_of(words, verb="new") or ""
    files = tuple(str(Path(file).absolute()) for file in tools)
    registry = chosen_registry(files, notes=app.notes)
    plan = OpenPlan.begun(instruction, tools=files)
    if source is not None:
        begun = _plan_of(source, registry)
        plan = OpenPlan.begun(instruction or begun.instruction, tasks=begun.tasks, tools=files)
        session.checked(plan)
    aside = session.set_aside() if force else None
    if aside is not None:
        app.notes.warning(f"the plan that was being built could not be read; its file is now {aside}")
    return show_step(app, session, session.begin(plan, force=force), as_json=as_json)


@click.command("preview", cls=Verb, epilog=PREVIEW_EPILOG)
@target_options
@buffer_option
@click.pass_obj
def preview(app: App, /, *, target: Target, buffer: str | None) -> int:
    """Show the plan as it stands."""
    from agx.app.places import plan_session

    session = plan_session(buffer)
    show_open_plan(app, session, session.plan(), target)
    return 0


@click.command("remove", cls=Verb, epilog=REMOVE_EPILOG)
@click.argument("number", type=int, metavar="N")
@click.option("--reconnect", is_flag=True, help="Let the tasks that read it read what it reads itself.")
@click.option("--cascade", is_flag=True, help="Remove the tasks that read it as well.")
@json_option
@buffer_option
@click.pass_obj
def remove(
    app: App, /, *, number: int, reconnect: bool, cascade: bool, as_json: bool, buffer: str | None
) -> int:
    """Take a task away."""
    from agx.app.places import plan_session

    if reconnect and cascade:
        raise UsageError("--reconnect and --cascade contradict each other", hint="give one of them")
    session = plan_session(buffer)
    result = session.remove(
        number, when_read="reconnect" if reconnect else "cascade" if cascade else "refuse"
    )
    return show_step(app, session, result, as_json=as_json)


@click.command("move", cls=Verb, epilog=MOVE_EPILOG)
@click.argument("number", type=int, metavar="N")
@click.argument("to", type=int, metavar="TO")
@json_option
@buffer_option
@click.pass_obj
def move(app: App, /, *, number: int, to: int, as_json: bool, buffer: str | None) -> int:
    """Move a task to another place."""
    from agx.app.places import plan_session

    session = plan_session(buffer)
    return show_step(app, session, session.move(number, to), as_json=as_json)


@click.command("undo", cls=Verb, epilog=UNDO_EPILOG)
@click.argument("count", type=click.IntRange(min=1), default=1, metavar="[COUNT]")
@json_option
@buffer_option
@click.pass_obj
def undo(app: App, /, *, count: int, as_json: bool, buffer: str | None) -> int:
    """Take back the last change."""
    from agx.app.places import plan_session

    session = plan_session(buffer)
    undone = session.undo(count)
    plan, target = session.optional_plan(), json_target(as_json=as_json)
    if plan is not None:
        show_open_plan(app, session, plan, target)
    else:
        write_result("null" if target.chosen_format == "json" else "no plan is being built")
    for done in undone:
        app.notes.done(f"undone: {done}")
    return 0


def _plan_of(source: str, registry: Registry) -> Plan:
    """Return the plan in a file where there is one of that name, or a stored plan."""
    from agx.app.places import stored_plans
    from agx.rules.check import read_plan

    if Path(source).is_file():
        plan, _ = read_plan(read_text(Path(source), what="plan"), registry)
        return plan
    try:
        return stored_plans(registry).get(source).plan
    except (UsageError, StorageError) as error:
        error.hint = f"give the name of a file, or an id; {error.hint}"
        raise
