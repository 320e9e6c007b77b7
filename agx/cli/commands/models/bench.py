"""`agx models bench`: how long plans take with a model on this machine, and how much memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agx.app.early_start import started_worker
from agx.app.places import model_file
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import is_terminal, shown_json, write_result
from agx.errors import StorageError
from agx.util.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agx.models.measured import Measurement
    from agx.planning.planner import Planner

EPILOG = """\b
Examples:
  agx models bench agx-nano
  agx models bench model.gguf --threads 2
  agx models bench model.gguf --json | jq .plan_secs

It loads the model and plans five instructions, which takes five to ten times as long as one plan. The
figures are remembered in AGX_HOME for this version of the file, and `agx models fit` and `recommend` use
them. Let the machine do nothing else meanwhile.
"""


@click.command(epilog=EPILOG, short_help="Measure a model on this machine.")
@click.argument("model")
@json_option
@setting_options
@debug_option
@click.pass_obj
def bench(app: App, /, *, model: str, as_json: bool, given: GivenSettings) -> None:
    """Measure how long plans take with MODEL on this machine, and how much memory, and remember it."""
    # A worker that is kept has the model loaded already: nothing could be measured of that.
    given = GivenSettings({**given.texts, "model_path": model, "model_role": "echo", "warm": "off"})
    settings = given.read(app.notes)
    with started_worker(settings, needed=app.has_worker) as worker:
        from agx.app.planners import planner_for  # imported while the worker loads
        from agx.models.measured import Measurements

        path = model_file(settings, model)
        planner = planner_for(settings, make_planner=app.make_planner, worker=worker)
        measurement = _measured(planner, path)
    try:
        Measurements(settings.home).put(path, measurement)
    except StorageError as error:
        app.notes.warning(f"the figures are not remembered: {error.message} ({error.hint})")
    if as_json or not is_terminal(sys.stdout):
        write_result(shown_json(measurement.as_dict()))
    else:
        write_result("\n".join(_lines(measurement)))


def _measured(planner: Planner, path: Path) -> Measurement:
    import asyncio

    from agx.app.measuring import measure
    from agx.cli.show.streaming import Progress

    async def measured() -> Measurement:
        with Progress() as progress:

            def show(num_done: int, num_all: int) -> None:
                progress.clear()
                progress.add(f"{num_done} of {num_all} plans")

            planner.on_progress = progress.loading
            async with planner:
                return await measure(planner, path, progress=show)

    return asyncio.run(measured())


def _lines(one: Measurement) -> Iterator[str]:
    yield f"{visible(one.name)} on {visible(one.device)}, measured now"
    yield f"  loading            {one.load_secs:8.2f} s"
    yield f"  the first plan     {one.first_plan_secs:8.2f} s"
    yield f"  each further plan  {one.plan_secs:8.2f} s"
    yield f"  reading            {1 / (one.prompt_token_secs or 1):8.0f} tokens a second"
    yield f"  writing            {1000 * one.answer_token_secs:8.1f} ms a token"
    if one.memory_bytes is not None:
        weights = f"{one.size_bytes / 1e6:.0f} of them weights"
        yield f"  memory             {one.memory_bytes / 1e6:8.0f} MB, {weights}"
    yield f"  a plan reads {one.prompt_tokens} tokens and writes {one.answer_tokens}"
