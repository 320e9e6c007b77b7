"""`agx up`, `agx down`, `agx ps`: workers that stay loaded between commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import is_terminal, shown_json, write_result
from agx.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

UP_EPILOG = """\b
Examples:
  agx up agx-nano
  agx up model.gguf --context-size 4096 --keep-alive 30
  agx up model.gguf && agx plan --echo-model model.gguf "list all rust files"

`agx plan` and the others use it when the model's file, the load options, the versions and the variables
of llama.cpp (OMP_NUM_THREADS, CUDA_VISIBLE_DEVICES …) are the same, and go their own way otherwise.
"""
DOWN_EPILOG = """\b
Examples:
  agx down
  agx down model.gguf
  agx down --all

What a worker is doing is ended with an error.
"""
PS_EPILOG = """\b
Examples:
  agx ps
  agx ps | jq '.[].pid'
"""


@click.command(epilog=UP_EPILOG, short_help="Keep a model loaded in the background.")
@click.argument("model", required=False)
@click.option(
    "--keep-alive",
    type=click.FloatRange(0, 100_000),
    default=5.0,
    metavar="MINUTES",
    show_default=True,
    help="How long it stays without requests; 0 is until `agx down`.",
)
@json_option
@setting_options
@debug_option
@click.pass_obj
def up(app: App, /, *, model: str | None, keep_alive: float, as_json: bool, given: GivenSettings) -> None:
    """Keep MODEL (Echo's unless named) loaded, so that plans need not load it."""
    from agx.app.warm import brought_up
    from agx.cli.show.streaming import Progress

    settings = given.read(app.notes)
    with Progress() as progress:
        status = brought_up(settings, model, keep_alive_minutes=keep_alive, on_progress=progress.loading)
    if as_json or not is_terminal(sys.stdout):
        write_result(shown_json(_shown(status)))
    else:
        write_result(_table([status]))


@click.command(epilog=DOWN_EPILOG, short_help="End models that `agx up` keeps loaded.")
@click.argument("model", required=False)
@click.option("--all", "all_", is_flag=True, help="End all of them.")
@json_option
@debug_option
@click.pass_obj
def down(app: App, /, *, model: str | None, all_: bool, as_json: bool) -> None:
    """End the worker of MODEL, or the only one that there is."""
    from agx.app.warm import chosen, kept
    from agx.worker.warm.control import take_down

    if model is not None and all_:
        raise UsageError("there is a model and --all", hint="give one of them")
    settings = GivenSettings().read(app.notes)
    ended = chosen(settings, kept(settings), model, all_=all_)
    for status in ended:
        take_down(status)
        app.notes.done(f"{status['name']} is not loaded any more")
    if not ended:
        app.notes.done("no such worker is there" if model else "no worker is there")
    if as_json:
        write_result(shown_json([_shown(status) for status in ended]))


@click.command(epilog=PS_EPILOG, short_help="List the models that `agx up` keeps loaded.")
@json_option
@debug_option
@click.pass_obj
def ps(app: App, /, *, as_json: bool) -> None:
    """List the workers that are there, with memory, load options, and how long they stay."""
    from agx.app.warm import kept

    found = kept(GivenSettings().read(app.notes))
    if as_json or not is_terminal(sys.stdout):
        write_result(shown_json([_shown(status) for status in found]))
    elif found:
        write_result(_table(found))
    else:
        app.notes.done("no worker is there; `agx up MODEL` keeps one")


def _shown(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status with the load options that are not the usual ones."""
    return {**status, "options": _changed(status["options"])}


def _table(found: Sequence[Mapping[str, Any]]) -> str:
    from agx.cli.show.tables import columns
    from agx.cli.show.transfer import amount, duration

    rows: list[tuple[str, ...]] = [
        ("name", "pid", "memory", "device", "options", "idle", "requests", "stays")
    ]
    for status in found:
        memory = status["memory_bytes"]
        running = f"{status['running']} running, " if status["running"] else ""
        rows.append(
            (
                status["name"],
                str(status["pid"] or status["keeper_pid"]),
                "" if memory is None else amount(memory, None),
                status["device"] or status["state"],
                " ".join(f"{name}={value}" for name, value in _changed(status["options"]).items()),
                duration(status["idle_secs"]),
                f"{running}{status['served']} served",
                _stays(status),
            )
        )
    return columns(rows)


def _changed(options: Mapping[str, Any]) -> dict[str, Any]:
    from agx.requests import LoadOptions, field_of

    return {name: value for name, value in options.items() if value != field_of(LoadOptions, name).default}


def _stays(status: Mapping[str, Any]) -> str:
    from agx.cli.show.transfer import duration

    if status["keep_alive_secs"] <= 0:
        return "until agx down"
    if status["secs_left"] is None:
        return f"{duration(status['keep_alive_secs'])} after its last request"
    return duration(status["secs_left"])
