"""`agx plan import`: a shell pipeline, or a plan in any form that is read, becomes a plan."""

from __future__ import annotations

from pathlib import Path

import click

from agx.cli.commands.verbs.shared import Verb
from agx.cli.inputs import chosen_registry, read_stdin, read_text
from agx.cli.instruction import in_quotes
from agx.cli.shared_options import App, GivenSettings, debug_option, target_options, tools_option
from agx.cli.show.formats import Target, show_plan
from agx.cli.show.output import check_target
from agx.errors import UsageError

EXAMPLE = """agx plan import 'find . -name "*.c" | xargs wc -l'"""
EPILOG = f"""\b
Examples:
  {EXAMPLE}
  agx plan import 'sort names.txt | uniq -c' --format mermaid
  echo 'du -sh * | sort -h' | agx plan import - --json
  agx plan import --file pipeline.sh -o plan.json

The text is one pipeline of simple commands; what in it has no form in a plan is named, with its place.
A text that begins as JSON does is read as a plan.
"""


@click.command("import", cls=Verb, epilog=EPILOG)
@click.argument("words", nargs=-1, metavar="TEXT")
@click.option("--file", metavar="FILE", help="Read the text from a file.")
@tools_option("Check it against the tools of this JSON or TOML file.")
@target_options
@debug_option
@click.pass_obj
def import_command(
    app: App, /, *, words: tuple[str, ...], file: str | None, tools: tuple[str, ...], target: Target
) -> int:
    """Make a plan of a shell pipeline."""
    from agx.app.places import record
    from agx.app.plan_sources import import_plan

    if target.path is not None:
        check_target(target.path)
    settings = GivenSettings().read(app.notes)
    registry = chosen_registry(tools, notes=app.notes)
    plan, findings = import_plan(_text(words, file), registry)
    show_plan(plan, target, registry=registry)
    app.notes.findings(findings)
    app.notes.recorded(record(plan, findings, settings))
    return 0


def _text(words: tuple[str, ...], file: str | None) -> str:
    if len(words) + (file is not None) != 1:
        if words and file is not None:
            raise UsageError("there is a text and a --file", hint="give one of them")
        if not words:
            raise UsageError("there is nothing to import", hint=f"give it in quotes: {EXAMPLE}")
        shown = in_quotes(words), in_quotes(("import", *words))
        raise UsageError(
            f"the text has {len(words)} arguments, and it must be one",
            hint=f"put it in quotes: agx plan import {shown[0]}; to plan an instruction: agx plan {shown[1]}",
        )
    if file is not None:
        return read_text(Path(file), what="file to import")
    if words == ("-",):
        return read_stdin(name="standard input", hint=f"give the text in quotes: {EXAMPLE}")
    return words[0]
