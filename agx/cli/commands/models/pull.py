"""`agx models pull`: fetching models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from agx.app.places import known_models_folder
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import shown_json, write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from pathlib import Path

    from agx.models.fetch.pulling import Pulled, PullOptions

MAX_CONNECTIONS = 16
EPILOG = """\b
Examples:
  agx models pull qwen2.5-1.5b-instruct
  agx models pull Qwen/Qwen3-4B-GGUF:Q4_K_M
  agx models pull hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf
  agx models pull https://example.org/mine.gguf --name mine

The files come into the folder `models` of AGX_HOME. What was interrupted goes on with the same command.
HF_TOKEN opens private and gated models, HF_ENDPOINT names another hub, and HF_HUB_OFFLINE=1 is --offline.
"""


@click.command(epilog=EPILOG, short_help="Fetch models.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--name", metavar="NAME", help="Call the model so in the models folder.")
@click.option(
    "--connections",
    type=click.IntRange(1, MAX_CONNECTIONS),
    default=4,
    metavar="N",
    show_default=True,
    help="The most connections that fetch one file.",
)
@click.option("--offline", is_flag=True, help="Ask no server: say whether it is there already.")
@json_option
@debug_option
@click.pass_obj
def pull(
    app: App,
    /,
    *,
    models: tuple[str, ...],
    name: str | None,
    connections: int,
    offline: bool,
    as_json: bool,
) -> None:
    """Fetch each MODEL and print its file: a catalogue's name, owner/repository:TAG, hf:… or a URL."""
    from agx.errors import UsageError
    from agx.models.fetch.hub import HubAccess
    from agx.models.fetch.pulling import PullOptions

    if name is not None and len(models) > 1:
        raise UsageError("--name is for one model", hint="pull the models one by one")
    folder = known_models_folder(GivenSettings().read(app.notes))
    access = HubAccess.from_environ(os.environ, is_offline=offline)
    options = PullOptions(access, connections, name)
    done = []
    for model in models:
        pulled = _pulled(app, model, folder, options=options, is_silent=as_json)
        done.append(pulled.to_dict())
        if not as_json:
            write_result(visible(str(pulled.files[0])))
    if as_json:
        write_result(shown_json(done))


def _pulled(app: App, model: str, folder: Path, *, options: PullOptions, is_silent: bool) -> Pulled:
    import asyncio
    from shlex import quote

    from agx.cli.show.transfer import TransferView
    from agx.cli.signals import until_signal
    from agx.models.fetch.pulling import pull as fetch

    view = TransferView(is_silent=is_silent)
    try:
        try:
            pulled = asyncio.run(until_signal(fetch(model, folder, options=options, watcher=view)))
        finally:
            view.finished()  # a line that says what is waited for may still be there
    except (KeyboardInterrupt, SystemExit):
        if view.progress:
            app.notes.warning(f"stopped: {view.progress} are kept; the same command goes on from there")
        raise
    if not is_silent:
        what = "was there already" if pulled.was_there else "is ready"
        app.notes.done(f'{model} {what}; plan with it: agx plan --model {quote(pulled.name)} "…"')
    return pulled
