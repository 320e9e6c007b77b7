"""`agx plan`: its options, and what may stand where. The work is in `agx.cli.planning`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agx.app.early_start import started_worker
from agx.app.piped_input import PipedReader
from agx.cli.files import read_text
from agx.cli.instruction import EXAMPLE, in_quotes, instruction_of, usable
from agx.cli.options import App, debug_option, input_wait_option, setting_options, settings_of, tools_option
from agx.cli.output import check_target
from agx.cli.showing import Format, chosen_format, chosen_output, format_options
from agx.cli.verbs import VERBS, VerbGroup
from agx.errors import UsageError
from agx.settings.layers import Settings, Source
from agx.settings.table import BY_NAME

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
size and its first lines are described to a general model, and nothing in it is obeyed; the embedded
planner reads the instruction alone. A pipe that stays silent for a quarter of a second (--input-wait)
is taken for an idle one and left alone; `</dev/null` or `--input-wait 0` keeps a loop's own input out.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What one `agx plan` was asked to do, beside the settings."""

    instruction: str | None
    draft: Path | None
    tools: tuple[str, ...]
    output: Path | None
    format: Format | None
    is_dry_run: bool
    input_wait_secs: float


class PlanCommand(click.Command):
    """`agx plan`: a verb counts only as the exact first word, and `--` makes a word of it."""

    verbs = VerbGroup("plan")

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  click's
    ) -> click.Context:
        """Return the context to run in: that of the verbs where the first word is one."""
        if args and args[0] in VERBS:
            return self.verbs.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs into the help, before the options."""
        with formatter.section("Verbs, for a plan that is built step by step (agx plan VERB --help)"):
            formatter.write_dl(list(VERBS.items()))
        super().format_options(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; raises `UsageError` for unknown ones and for a verb that is not the first."""
        num_literal = len(args) - args.index("--") - 1 if "--" in args else 0
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise UsageError(
                f"there is no option {error.option_name}",
                hint=f"`agx plan --help` lists the options; an instruction stands in quotes: {EXAMPLE}",
            ) from None
        words = ctx.params.get("words") or ()
        if words and len(words) > num_literal and words[0] in VERBS:
            raise _late_verb(words)
        return rest


@click.command(cls=PlanCommand, epilog=EPILOG, short_help="Make a plan from an instruction.")
@click.argument("words", nargs=-1, metavar="INSTRUCTION")
@click.option("--instruction-file", metavar="FILE", help="Read the instruction from a file.")
@click.option("--draft", metavar="FILE", help="Refine the plan in this file (implies --role delta).")
@tools_option("Plan with the tools of this JSON or TOML file.")
@format_options
@click.option("--dry-run", is_flag=True, help="Print prompt, schema and parameters; generate nothing.")
@input_wait_option
@setting_options
@debug_option
@click.pass_obj
def plan(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    tools: tuple[str, ...],
    **options: str | float | bool | None,
) -> int:
    """Make a plan from INSTRUCTION, one argument in quotes, and print it."""
    job = _job(words, options, tools=tools)
    if job.output is not None:
        check_target(job.output)
    settings = _settings(app, options, job)
    reader = PipedReader.start() if job.input_wait_secs > 0 else None
    with started_worker(settings, needed=app.make_planner is None) as worker:
        from agx.cli.planning import carry_out  # noqa: PLC0415  imported while the worker loads

        return carry_out(job, settings, app=app, reader=reader, worker=worker)


def _job(
    words: tuple[str, ...], options: Mapping[str, str | float | bool | None], *, tools: tuple[str, ...]
) -> Job:
    return Job(
        instruction=_instruction(words, options["instruction_file"], has_draft=options["draft"] is not None),
        draft=_path(options["draft"]),
        tools=tools,
        output=chosen_output(options),
        format=chosen_format(options),
        is_dry_run=bool(options["dry_run"]),
        input_wait_secs=float(options["input_wait"] or 0),
    )


def _path(text: object) -> Path | None:
    return None if text is None else Path(str(text))


def _instruction(words: tuple[str, ...], file: object, *, has_draft: bool) -> str | None:
    if file is not None and words:
        raise UsageError("there is an instruction and an --instruction-file", hint="give one of them")
    if file is not None:
        return usable(read_text(Path(str(file)), what="instruction file").rstrip("\r\n"))
    instruction = instruction_of(words)
    if instruction is None and not has_draft:
        raise UsageError("there is no instruction", hint=f"give one in quotes: {EXAMPLE}")
    return instruction


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


def _late_verb(words: tuple[str, ...]) -> UsageError:
    other = f"agx plan -- {words[0]}" if len(words) == 1 else f"agx plan {in_quotes(words)}"
    return UsageError(
        f"`{words[0]}` is a verb only as the first word",
        hint=f"put the options behind it: agx plan {words[0]} …; or to plan it: {other}",
    )
