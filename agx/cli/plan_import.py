"""`agx plan import`: a shell pipeline, or a plan in any form that is read, becomes a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agx.cli.files import read_stdin, read_text
from agx.cli.instruction import in_quotes
from agx.cli.options import App, debug_option, settings_of, tools_option
from agx.cli.output import check_target
from agx.cli.registries import chosen_registry
from agx.cli.showing import chosen_format, chosen_output, deliver, format_for, format_options, plan_text
from agx.cli.verbs import verb
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


@verb("import", epilog=EPILOG)
@click.argument("words", nargs=-1, metavar="TEXT")
@click.option("--file", metavar="FILE", help="Read the text from a file.")
@tools_option("Check it against the tools of this JSON or TOML file.")
@format_options
@debug_option
@click.pass_obj
def import_command(app: App, /, *, words: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401  click's
    """Make a plan of TEXT, a shell pipeline in quotes, or `-` for standard input."""
    form, output = chosen_format(options), chosen_output(options)
    if output is not None:
        check_target(output)
    settings = settings_of(app, {})
    registry = chosen_registry(options["tools"], notes=app.notes)
    from agx.app.plan_sources import import_plan  # noqa: PLC0415  imports pydantic
    from agx.app.recording import record  # noqa: PLC0415

    plan, findings = import_plan(_text(words, options["file"]), registry)
    deliver(plan_text(plan, format_for(form), output, registry=registry), output)
    for finding in findings:
        app.notes.finding(finding.model_dump(exclude_none=True))
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
