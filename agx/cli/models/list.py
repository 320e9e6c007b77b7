"""`agx models list`: what is there, and what the catalogue has."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from agx.app.places import optional_models_folder
from agx.cli.options import App, debug_option, settings_of
from agx.cli.output import is_terminal, write_result
from agx.util.texts import shortened, visible, visible_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agx.models.catalog import Entry
    from agx.models.library import Model

EPILOG = """\b
Examples:
  agx models list
  agx models list --json | jq -r '.[].name'
  agx models list --catalog

The models: the built-in planner, those in the folder `models` of AGX_HOME with what is fetched of
others, and Ollama's.
"""
_MAX_CELL_CHARS = 60


@click.command("list", epilog=EPILOG, short_help="List the models that are here.")
@click.option("--catalog", is_flag=True, help="List the catalogue: what can be pulled by a short name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors are JSON, too.")
@debug_option
@click.pass_obj
def list_(app: App, /, *, catalog: bool, as_json: bool) -> None:
    """List the models that this machine has."""
    if catalog:
        from agx.models.catalog import load_catalog  # noqa: PLC0415  not for --help

        entries = list(load_catalog().values())
        data, rows = [entry.to_dict() for entry in entries], _catalog_rows(entries)
    else:
        from agx.models.library import list_models  # noqa: PLC0415  not for --help

        models = list_models(optional_models_folder(settings_of(app, {})))
        data, rows = [model.to_dict() for model in models], _model_rows(models)
    if as_json or not is_terminal(sys.stdout):
        write_result(visible_json(json.dumps(data, indent=2, ensure_ascii=False)))
    else:
        write_result(columns(rows))


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with the cells of a column below each other; the first row is the heading."""
    from rich.cells import cell_len  # noqa: PLC0415  only tables need it

    cells = [[shortened(visible(cell), _MAX_CELL_CHARS) for cell in row] for row in rows]
    widths = [max(cell_len(row[number]) for row in cells) for number in range(len(cells[0]))]
    lines = (
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _model_rows(models: Sequence[Model]) -> list[tuple[str, ...]]:
    from agx.cli.models.transfer import amount  # noqa: PLC0415  not for --help

    rows: list[tuple[str, ...]] = [("name", "size", "architecture", "quantisation", "context", "")]
    for model in models:
        card = model.card
        fetched = model.fetched_bytes
        size = amount(model.size_bytes, None) if model.size_bytes is not None else ""
        remark = model.problem if fetched is None else f"{amount(fetched, model.size_bytes)} are fetched"
        shape = (card.architecture, card.main_type, f"{card.context_length:,}") if card else ("", "", "")
        rows.append((model.name, size, *shape, remark))
    return rows


def _catalog_rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("name", "good for", "size", "memory", "context", "licence", "repository")]
    for entry in entries:
        roles, context = ", ".join(entry.good_for), f"{entry.context:,}"
        sizes = f"{entry.size_gb:.1f} GB", f"{entry.memory_gb:.1f} GB"
        rows.append((entry.name, roles, *sizes, context, entry.licence, entry.repository))
    return rows
