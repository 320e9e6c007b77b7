"""`agx embed`: one vector a text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from agx.cli.inputs import read_stdin
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import is_terminal, write_result
from agx.errors import UsageError

if TYPE_CHECKING:
    from agx.planning.planner import Planner

EPILOG = """\b
Examples:
  agx embed --model nomic-embed.gguf "a cat on a mat" "a kitten on a rug"
  agx embed --model ollama:all-minilm --backend ollama - < lines.txt > vectors.jsonl

TEXT is one text, in quotes; - reads one text a line from standard input. A pipe or a file gets one JSON
object a text: its index, from 0, and its embedding. The vectors of llama.cpp have the length 1, so their
scalar product is their cosine.
"""
_SHOWN_NUMBERS = 4
_SHOWN_CHARS = 40


@click.command("embed", epilog=EPILOG, short_help="Print one vector a text.")
@click.argument("texts", nargs=-1, metavar="TEXT...")
@json_option
@setting_options
@debug_option
@click.pass_obj
def embed(app: App, /, *, texts: tuple[str, ...], as_json: bool, given: GivenSettings) -> None:
    """Print the embedding of each TEXT, in order."""
    import asyncio

    from agx.app.planners import planner_for

    chosen = _texts(texts)
    settings = given.read(app.notes)
    planner = planner_for(settings, make_planner=app.make_planner)
    planner.on_warning = app.notes.warning
    vectors = asyncio.run(_embedded(planner, chosen))
    if as_json or not is_terminal(sys.stdout):
        rows = ({"index": place, "embedding": vector} for place, vector in enumerate(vectors))
        write_result("\n".join(map(json.dumps, rows)))
    else:
        write_result(_table(chosen, vectors))


def _texts(given: Sequence[str]) -> Sequence[str]:
    if list(given) != ["-"]:
        if not given:
            raise UsageError("there is no text", hint="give one in quotes, or - for lines of standard input")
        return given
    lines = read_stdin(name="standard input", hint="leave it open, or send a file to it").splitlines()
    if not lines:
        raise UsageError("standard input has no line", hint="send one text a line")
    return lines


async def _embedded(planner: Planner, texts: Sequence[str]) -> list[list[float]]:
    async with planner:
        return await planner.embed(texts)


def _table(texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> str:
    from agx.cli.show.tables import rows_table
    from agx.util.texts import shortened, visible

    rows = [
        (
            str(place),
            shortened(visible(text), _SHOWN_CHARS),
            str(len(vector)),
            " ".join(f"{number:.4f}" for number in vector[:_SHOWN_NUMBERS]) + " …",
        )
        for place, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    return rows_table(("index", "text", "numbers", "embedding"), rows)
