"""`agx cache show` and `clear`: what AGX has computed of prompts and keeps on disk."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from agx.cli.lazy_commands import LazyCommands
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import is_terminal, shown_json, write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agx.app.caches import KeptPrompt
    from agx.util.blob_cache import BlobCache

EPILOG = """\b
Examples:
  agx cache show
  agx cache clear

The prompts of a general model all begin alike. What is computed of that beginning is kept for the next
process, at most --prompt-cache-mb. Without it the first plan of a process takes longer, and is the same.
"""


@click.group(
    commands=LazyCommands(
        {"show": "agx.cli.commands.cache:show", "clear": "agx.cli.commands.cache:clear_command"}
    ),
    epilog=EPILOG,
)
@debug_option
def cache() -> None:
    """Look at what is kept of computed prompts, and remove it."""


@click.command(epilog=EPILOG, short_help="Show what is kept of computed prompts.")
@json_option
@debug_option
@click.pass_obj
def show(app: App, /, *, as_json: bool) -> None:
    """Print what is kept of computed prompts: model, tokens, size and last use."""
    from agx.app.caches import kept_prompts, prompt_cache

    kept_in = prompt_cache(GivenSettings().read(app.notes))
    kept = kept_prompts(kept_in)
    if as_json or not is_terminal(sys.stdout):
        data = {
            "folder": str(kept_in.folder),
            "limit_bytes": kept_in.limit_bytes,
            "size_bytes": sum(each.size_bytes for each in kept),
            "prompts": [each.as_dict() for each in kept],
        }
        write_result(shown_json(data))
    else:
        write_result("\n".join(_lines(kept_in, kept)))


@click.command("clear", epilog=EPILOG, short_help="Remove what is kept of computed prompts.")
@click.argument("model", required=False)
@json_option
@debug_option
@click.pass_obj
def clear_command(app: App, /, *, model: str | None, as_json: bool) -> None:
    """Remove what is kept of computed prompts, of MODEL (its name in `show`) or of all models.

    It is computed again when it is needed.
    """
    from agx.app.caches import clear, prompt_cache

    removed = clear(prompt_cache(GivenSettings().read(app.notes)), model=model)
    size = sum(each.size_bytes for each in removed)
    if as_json:
        write_result(json.dumps({"removed": len(removed), "freed_bytes": size}))
    else:
        write_result(f"removed {_counted(len(removed))}, {_size(size)}")


def _lines(kept_in: BlobCache, kept: Sequence[KeptPrompt]) -> Iterator[str]:
    from agx.cli.show.tables import columns

    size = sum(each.size_bytes for each in kept)
    limit = _size(kept_in.limit_bytes) if kept_in.limit_bytes else "none are kept"
    yield f"{_counted(len(kept))} in {visible(str(kept_in.folder))}, {_size(size)} (at most: {limit})"
    if kept:
        rows = [("model", "tokens", "size", "last used")]
        rows += [
            (visible(each.model), f"{each.num_tokens:,}", _size(each.size_bytes), each.used_at)
            for each in kept
        ]
        yield ""
        yield columns(rows)


def _counted(number: int) -> str:
    return "1 computed prompt" if number == 1 else f"{number} computed prompts"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
