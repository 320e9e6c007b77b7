"""`agx plan`: its options, and what may stand where. The work is in `agx.cli.planning`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from agx.cli.files import read_text
from agx.cli.options import App, debug_option, setting_options, settings_of
from agx.cli.output import check_target
from agx.cli.piped import FIRST_BYTE_SECS, PipedReader
from agx.cli.text import in_quotes
from agx.cli.worker import started_worker
from agx.errors import Unsupported, UsageError
from agx.settings.layers import Settings, Source
from agx.settings.table import BY_NAME

Format = Literal["table", "json", "shell"]
VERBS = frozenset(
    ("new", "add", "validate", "preview", "edit", "remove", "move", "undo", "list", "get", "import")
)
EXAMPLE = 'agx plan "list all rust files and count lines"'
EPILOG = f"""\b
Examples:
  {EXAMPLE}
  agx plan "find all python files modified in the last 7 days" | jq .tasks
  agx plan "count the lines of every text file" --format shell -o count.sh
  agx plan --role both "show the ten largest files"
  agx plan "show the ten largest files" --json -o draft.json
  agx plan --draft draft.json "show the twenty largest files"
  ps aux | agx plan "which process uses the most memory"
  agx plan -- list

A terminal gets a table, a pipe or a file gets JSON. What is piped in is input data: its kind, its
size and its first lines are described to the model, and nothing in it is obeyed. A pipe that stays
silent for a quarter of a second (--input-wait) is taken for an idle one and left alone;
`</dev/null` or `--input-wait 0` keeps a loop's own input out of it.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What one `agx plan` was asked to do, beside the settings."""

    instruction: str | None
    draft: Path | None
    tools: Path | None
    output: Path | None
    format: Format | None
    is_dry_run: bool
    input_wait_secs: float


class PlanCommand(click.Command):
    """`agx plan`: a verb counts only as the exact first word, and `--` makes a word of it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; raises `Unsupported` for a verb and `UsageError` for unknown options."""
        num_literal = len(args) - args.index("--") - 1 if "--" in args else 0
        if args and args[0] in VERBS:
            raise _verb(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise UsageError(
                f"there is no option {error.option_name}",
                hint=f"`agx plan --help` lists the options; an instruction stands in quotes: {EXAMPLE}",
            ) from None
        words = ctx.params.get("words") or ()
        if words and len(words) > num_literal and words[0] in VERBS:
            raise _verb(words)
        return rest


@click.command(cls=PlanCommand, epilog=EPILOG, short_help="Make a plan from an instruction.")
@click.argument("words", nargs=-1, metavar="INSTRUCTION")
@click.option("--instruction-file", metavar="FILE", help="Read the instruction from a file.")
@click.option("--draft", metavar="FILE", help="Refine the plan in this file (implies --role delta).")
@click.option("--tools", metavar="FILE", help="Plan with the tools of this JSON or TOML file.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "shell"]), help="How to print the plan."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json; errors are JSON, too.")
@click.option("-o", "--output", metavar="FILE", help="Write the plan to a file, whole or not at all.")
@click.option("--dry-run", is_flag=True, help="Print prompt, schema and parameters; generate nothing.")
@click.option(
    "--input-wait",
    type=click.FloatRange(0, 3600),
    default=FIRST_BYTE_SECS,
    metavar="SECS",
    show_default=True,
    help="How long to wait for the first byte of piped input; 0 reads none.",
)
@setting_options
@debug_option
@click.pass_obj
def plan(app: App, /, *, words: tuple[str, ...], **options: str | float | bool | None) -> int:
    """Make a plan from INSTRUCTION, one argument in quotes, and print it."""
    job = _job(words, options)
    if job.output is not None:
        check_target(job.output)
    settings = _settings(app, options, job)
    reader = PipedReader.start() if job.input_wait_secs > 0 else None
    with started_worker(settings, needed=app.make_planner is None) as worker:
        from agx.cli.planning import carry_out  # noqa: PLC0415  imported while the worker loads

        return carry_out(job, settings, app=app, reader=reader, worker=worker)


def _job(words: tuple[str, ...], options: Mapping[str, str | float | bool | None]) -> Job:
    form = options["form"]
    if options["as_json"] and form not in {None, "json"}:
        raise UsageError(f"--json and --format {form} contradict each other", hint="give one of them")
    output = options["output"]
    named: Format | None = "json" if options["as_json"] else form  # type: ignore[assignment]  # a click.Choice
    return Job(
        instruction=_instruction(words, options["instruction_file"], has_draft=options["draft"] is not None),
        draft=_path(options["draft"]),
        tools=_path(options["tools"]),
        output=None if output == "-" else _path(output),
        format=named or ("json" if output not in {None, "-"} else None),
        is_dry_run=bool(options["dry_run"]),
        input_wait_secs=float(options["input_wait"] or 0),
    )


def _path(text: object) -> Path | None:
    return None if text is None else Path(str(text))


def _instruction(words: tuple[str, ...], file: object, *, has_draft: bool) -> str | None:
    if file is not None and words:
        raise UsageError("there is an instruction and an --instruction-file", hint="give one of them")
    if len(words) > 1:
        quoted = in_quotes(words)
        raise UsageError(
            f"the instruction has {len(words)} arguments, and it must be one",
            hint=f"put it in quotes: agx plan {quoted}",
        )
    if file is None and not words:
        if has_draft:
            return None
        raise UsageError("there is no instruction", hint=f"give one in quotes: {EXAMPLE}")
    text = words[0] if words else read_text(Path(str(file)), what="instruction file").rstrip("\r\n")
    if not text.strip():
        raise UsageError("the instruction is empty", hint=f"say what to do: {EXAMPLE}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "the instruction is not valid UTF-8", hint="set a UTF-8 locale, or use a file"
        ) from None
    return text


def _settings(app: App, options: Mapping[str, str | float | bool | None], job: Job) -> Settings:
    given = {name: None if text is None else str(text) for name, text in options.items() if name in BY_NAME}
    settings = settings_of(app, given)
    role, was_named = settings.text("model_role"), settings.given["model_role"].source is Source.COMMAND_LINE
    if job.draft is not None and role != "delta":
        if was_named:
            raise UsageError(f"--role {role} does not read a draft", hint="use --role delta with --draft")
        settings = settings_of(App(), given | {"model_role": "delta"})
    elif job.draft is None and role == "delta":
        raise UsageError(
            "the role delta refines a draft, and none was given",
            hint="give --draft FILE, or use --role both to draft and refine",
        )
    return settings


def _verb(words: list[str] | tuple[str, ...]) -> Unsupported:
    verb = words[0]
    other = f"agx plan -- {verb}" if len(words) == 1 else f"agx plan {in_quotes(words)}"
    return Unsupported(
        f"`agx plan {verb}` comes in a later version",
        hint=f"to plan an instruction that begins with this word: {other}",
    )
