"""`agx models share`: giving a model to Ollama."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agx.app.configure import models_folder
from agx.app.places import model_file
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import shown_json, write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from agx.models.ollama.sharing import Shared

EPILOG = """\b
Examples:
  agx models share agx-nano --to-ollama agx-nano
  agx models share model.gguf --to-ollama me/mine:q4

Ollama has to run; OLLAMA_HOST says where. What it has already is not sent. The other way round,
--model ollama:NAME plans with a model of Ollama's where it lies.
"""


@click.command(epilog=EPILOG, short_help="Give a model to Ollama.")
@click.argument("model")
@click.option("--to-ollama", "name", required=True, metavar="NAME", help="Call the model so in Ollama.")
@click.option("--replace", is_flag=True, help="Take the place of another model of that name.")
@json_option
@debug_option
@click.pass_obj
def share(app: App, /, *, model: str, name: str, replace: bool, as_json: bool) -> None:
    """Make a model in a running Ollama of MODEL: a path, a name or agx-nano."""
    from agx.cli.show.transfer import TransferView
    from agx.gguf.card import read_card
    from agx.models.hashes import HASHES_NAME, HashMemory
    from agx.models.ollama.sharing import share_with_ollama

    settings = GivenSettings().read(app.notes)
    card = read_card(model_file(settings, model))
    folder = models_folder(settings)
    memory = HashMemory(None if folder is None else folder / HASHES_NAME)
    view = TransferView(is_silent=as_json)
    shared = share_with_ollama(card.files, name, memory=memory, replace=replace, watcher=view)
    if as_json:
        write_result(shown_json(shared.to_dict()))
    else:
        write_result(visible(shared.model))
        app.notes.done(f"{_what_happened(shared)}; use it there: ollama run {shared.model}")


def _what_happened(shared: Shared) -> str:
    from agx.cli.show.transfer import amount

    if not shared.is_new:
        return f"Ollama at {shared.server} has the model already"
    sent = amount(shared.sent_bytes, None) if shared.sent_bytes else "nothing, since it has the file"
    return f"Ollama at {shared.server} has the model now, and was sent {sent}"
