"""`agx models list`: what is there, and what the catalogue has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agx.app.configure import models_folder
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import is_terminal, shown_json, write_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agx.models.catalog import CatalogEntry
    from agx.models.library import ListedModel

EPILOG = """\b
Examples:
  agx models list
  agx models list --json | jq -r '.[].name'
  agx models list --catalog

The models: the built-in planner, those in the folder `models` of AGX_HOME with what is fetched of
others, and Ollama's: those in its folder, and those that its server has.
"""


@click.command("list", epilog=EPILOG, short_help="List the models that are here.")
@click.option("--catalog", is_flag=True, help="List the catalogue: what can be pulled by a short name.")
@json_option
@debug_option
@click.pass_obj
def list_(app: App, /, *, catalog: bool, as_json: bool) -> None:
    """List the models that this machine has."""
    if catalog:
        from agx.models.catalog import load_catalog

        entries = list(load_catalog().values())
        data, rows = [entry.to_dict() for entry in entries], _catalog_rows(entries)
    else:
        from agx.models.library import list_models
        from agx.models.ollama.served import with_served

        models = with_served(list_models(models_folder(GivenSettings().read(app.notes))))
        data, rows = [model.to_dict() for model in models], _model_rows(models)
    if as_json or not is_terminal(sys.stdout):
        write_result(shown_json(data))
    else:
        from agx.cli.show.tables import columns

        write_result(columns(rows))


def _model_rows(models: Sequence[ListedModel]) -> list[tuple[str, ...]]:
    from agx.cli.show.transfer import amount

    rows: list[tuple[str, ...]] = [("name", "size", "architecture", "quantisation", "context", "")]
    for model in models:
        card = model.card
        fetched = model.fetched_bytes
        size = amount(model.size_bytes, None) if model.size_bytes is not None else ""
        remark = model.problem if fetched is None else f"{amount(fetched, model.size_bytes)} are fetched"
        shape = (card.architecture, card.main_type, f"{card.context_length:,}") if card else ("", "", "")
        rows.append((model.name, size, *shape, remark))
    return rows


def _catalog_rows(entries: Sequence[CatalogEntry]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("name", "good for", "size", "memory", "context", "licence", "repository")]
    for entry in entries:
        roles, context = ", ".join(entry.good_for), f"{entry.context:,}"
        sizes = f"{entry.size_gb:.1f} GB", f"{entry.memory_gb:.1f} GB"
        rows.append((entry.name, roles, *sizes, context, entry.licence, entry.repository))
    return rows
