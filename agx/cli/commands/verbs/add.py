"""`agx plan add`: tasks that a model plans, or that are given as shell text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agx.app.early_start import started_worker
from agx.cli.commands.verbs.shared import Verb, buffer_option, show_step
from agx.cli.inputs import described_input, piped_reader
from agx.cli.instruction import instruction_of
from agx.cli.shared_options import App, GivenSettings, input_wait_option, json_option, setting_options
from agx.errors import UsageError

if TYPE_CHECKING:
    from agx.session.building import InputFrom

EPILOG = """\b
Examples:
  agx plan add "list all rust files"
  agx plan add --pipe "count lines"
  agx plan add --pipe --command "sort -rn | head -n 5"
  agx plan add --task '{"command": "tee", "args": ["top.txt"], "input_from_task": 2}'

What the model writes is numbered behind the tasks that are there. It reads one of them only where
--input-from or --pipe says so. In --task, numbers are those of the plan as it will stand. A general
model sees the tasks that are there; the embedded planner reads the instruction alone, and says so.
"""


@click.command("add", cls=Verb, epilog=EPILOG)
@click.argument("words", nargs=-1, metavar="[INSTRUCTION]")
@click.option("--command", metavar="TEXT", help="Add this shell text, a command or a pipeline, as it is.")
@click.option("--task", metavar="JSON", help="Add this task, or list of tasks, as it is.")
@click.option("--input-from", type=int, metavar="N", help="Let the first new task read the output of task N.")
@click.option("--pipe", is_flag=True, help="Let it read the output of the last task.")
@input_wait_option
@json_option
@setting_options
@buffer_option
@click.pass_obj
def add(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    command: str | None,
    task: str | None,
    input_from: int | None,
    pipe: bool,
    input_wait: float,
    as_json: bool,
    given: GivenSettings,
    buffer: str | None,
) -> int:
    """Add tasks: plan them, or give them as shell text or JSON."""
    instruction = instruction_of(words, verb="add")
    _check_one([one for one in (instruction, command, task) if one is not None])
    if pipe and input_from is not None:
        raise UsageError("--pipe and --input-from contradict each other", hint="give one of them")
    source: InputFrom = "last" if pipe else input_from
    if task is not None and source is not None:
        raise UsageError(
            "with --task the task itself says what it reads", hint="write input_from_task into it"
        )
    if instruction is not None:
        return _add_planned(
            app, instruction, source, given=given, input_wait=input_wait, buffer=buffer, as_json=as_json
        )
    from agx.app.places import plan_session

    session = plan_session(buffer)
    if task is not None:
        result = session.add_json(task)
    else:
        result = session.add_command(str(command), input_from=source)
    return show_step(app, session, result, as_json=as_json)


def _check_one(given: list[str]) -> None:
    if len(given) != 1:
        raise UsageError(
            "there are several things to add" if given else "there is nothing to add",
            hint="give an instruction in quotes, --command \"…\" or --task '{…}'",
        )


def _add_planned(
    app: App,
    instruction: str,
    source: InputFrom,
    *,
    given: GivenSettings,
    input_wait: float,
    buffer: str | None,
    as_json: bool,
) -> int:
    """Plan the instruction with the tasks that are there in view, and put its tasks behind them."""
    settings = given.read(app.notes)
    if settings.text("model_role") == "delta":
        raise UsageError("the role delta refines, and does not add", hint="use --role echo or both")
    reader = piped_reader(input_wait)
    with started_worker(settings, needed=app.has_worker) as worker:
        from agx.app.places import plan_session  # imported while the worker loads
        from agx.app.planners import planner_for, planning_context
        from agx.cli.show.streaming import shown_generation
        from agx.plan.open_plan import OpenPlan
        from agx.session.building import source_of, source_summary

        session = plan_session(buffer)
        base = session.optional_plan() or OpenPlan.begun()
        number = source_of(base, source)
        registry = session.registry(base)
        summary = described_input(reader, input_wait, notes=app.notes)
        if number is not None:
            summary = source_summary(base, number)
        context = planning_context(settings, registry, input_summary=summary, existing_tasks=base.tasks)
        planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
        pieces = planner.stream(instruction, context)
        generated = shown_generation(planner, pieces, context=context, notes=app.notes)
        result = session.add_generated(base, generated, instruction=instruction, input_from=number)
        return show_step(app, session, result, as_json=as_json)
