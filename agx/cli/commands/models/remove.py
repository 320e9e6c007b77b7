"""`agx models remove`: taking models out of the models folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agx.app.places import known_models_folder
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import is_terminal, shown_json, write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from agx.models.library import ListedModel

EPILOG = """\b
Examples:
  agx models remove qwen2.5-1.5b-instruct
  agx models remove Qwen3-4B-Q4_K_M --yes

Removes the model's files in the folder `models` of AGX_HOME, or what is fetched of it, and its record.
On a terminal it asks first. The built-in planner and Ollama's models stay.
"""


@click.command(epilog=EPILOG, short_help="Remove models.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@json_option
@debug_option
@click.pass_obj
def remove(app: App, /, *, models: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Remove each MODEL from the models folder."""
    from agx.cli.show.transfer import amount
    from agx.errors import NotApproved
    from agx.models.library import find
    from agx.models.library import remove as take_away

    folder = known_models_folder(GivenSettings().read(app.notes))
    found = [find(name, folder) for name in models]
    removed = []
    for model in found:
        if model.kind in {"file", "part"} and not yes and not _is_wanted(model):
            raise NotApproved(f"{model.name} was not removed", hint="--yes removes it without asking")
        freed = take_away(model, folder)
        removed.append({"name": model.name, "freed_bytes": freed})
        if not as_json:
            write_result(f"removed {visible(model.name)}: {amount(freed, None)} are free again")
    if as_json:
        write_result(shown_json(removed))


def _is_wanted(model: ListedModel) -> bool:
    """Ask on a terminal; elsewhere the command itself is the answer."""
    if not is_terminal(sys.stdin) or not is_terminal(sys.stderr):
        return True
    names = ", ".join(path.name for path in model.files)
    return click.confirm(f"Remove {visible(names)}?", err=True)
