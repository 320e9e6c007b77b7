"""`agx plan add`: its options, and what may stand where. The work is in `agx.cli.building_model`."""

from __future__ import annotations

from typing import Any

import click

from agx.app.early_start import started_worker
from agx.app.piped_input import PipedReader
from agx.cli.instruction import instruction_of
from agx.cli.options import App, input_wait_option, setting_options, settings_of
from agx.cli.verbs import buffer_option, json_option, verb
from agx.errors import UsageError
from agx.settings.table import BY_NAME

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


@verb("add", epilog=EPILOG)
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
def add(app: App, /, *, words: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401  click's
    """Add tasks to the plan: plan INSTRUCTION with what is there in view, or take what is given."""
    instruction = instruction_of(words, verb="add")
    _check(instruction, options)
    if instruction is None:
        from agx.cli.building_given import add_given  # noqa: PLC0415  as it is needed

        return add_given(app, options)
    given = {name: options[name] for name in BY_NAME if name in options}
    settings = settings_of(app, given)
    if settings.text("model_role") == "delta":
        raise UsageError("the role delta refines, and does not add", hint="use --role echo or both")
    reader = PipedReader.start() if options["input_wait"] > 0 else None
    with started_worker(settings, needed=app.make_planner is None) as worker:
        from agx.cli.building_model import add_planned  # noqa: PLC0415  imported while the worker loads

        wanted = options | {"instruction": instruction}
        return add_planned(settings, app=app, options=wanted, reader=reader, worker=worker)


def _check(instruction: str | None, options: dict[str, Any]) -> None:
    given = [name for name in ("command", "task") if options[name] is not None]
    if len(given) + (instruction is not None) != 1:
        what = "several things to add" if given else "nothing to add"
        raise UsageError(
            f"there is {what}" if not given else f"there are {what}",
            hint="give an instruction in quotes, --command \"…\" or --task '{…}'",
        )
    if options["pipe"] and options["input_from"] is not None:
        raise UsageError("--pipe and --input-from contradict each other", hint="give one of them")
    if options["task"] is not None and (options["pipe"] or options["input_from"] is not None):
        raise UsageError(
            "with --task the task itself says what it reads", hint="write input_from_task into it"
        )
