"""`agx plan`: its options, and what may stand where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agx.app.early_start import started_worker
from agx.cli.inputs import chosen_registry, described_input, piped_reader, read_text
from agx.cli.instruction import EXAMPLE, in_quotes, instruction_of, usable
from agx.cli.lazy_commands import LazyCommands
from agx.cli.shared_options import (
    App,
    GivenSettings,
    debug_option,
    input_wait_option,
    setting_options,
    target_options,
    tools_option,
)
from agx.cli.show.formats import Target, show_plan
from agx.cli.show.output import Notes, check_target
from agx.errors import UsageError
from agx.settings.layers import Settings, Source, read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agx.plan.tools import Registry
    from agx.planning.planner import Planner, PromptPreview
    from agx.requests import Chunk
    from agx.risk.context import GeneratedPlan, PlanContext

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
# In the order in which `--help` shows them.
VERBS = LazyCommands(
    {
        "new": "agx.cli.commands.verbs.steps:new",
        "add": "agx.cli.commands.verbs.add:add",
        "preview": "agx.cli.commands.verbs.steps:preview",
        "edit": "agx.cli.commands.verbs.edit:edit",
        "remove": "agx.cli.commands.verbs.steps:remove",
        "move": "agx.cli.commands.verbs.steps:move",
        "undo": "agx.cli.commands.verbs.steps:undo",
        "validate": "agx.cli.commands.verbs.validate:validate",
        "list": "agx.cli.commands.verbs.stored:list_stored",
        "get": "agx.cli.commands.verbs.stored:get",
        "import": "agx.cli.commands.verbs.import_plan:import_command",
    }
)


class PlanCommand(click.Command):
    """`agx plan`: a verb counts only as the exact first word, and `--` makes a word of it."""

    verbs = click.Group("plan", commands=VERBS)

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
            formatter.write_dl([(name, verb.help or "") for name, verb in VERBS.items()])
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
@target_options
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print prompt, dialect, schema or grammar, and parameters; generate nothing.",
)
@input_wait_option
@setting_options
@debug_option
@click.pass_obj
def plan(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    instruction_file: str | None,
    draft: str | None,
    tools: tuple[str, ...],
    target: Target,
    dry_run: bool,
    input_wait: float,
    given: GivenSettings,
) -> int:
    """Make a plan from INSTRUCTION, one argument in quotes, and print it."""
    instruction = _instruction(words, instruction_file, has_draft=draft is not None)
    if target.path is not None:
        check_target(target.path)
    settings = _settings(given, has_draft=draft is not None, notes=app.notes)
    reader = piped_reader(input_wait)
    with started_worker(settings, needed=app.has_worker, started=app.started_worker) as worker:
        from agx.app.places import record
        from agx.app.planners import planner_for, planning_context  # imported while the worker loads
        from agx.cli.show.streaming import shown_generation

        registry = chosen_registry(tools, notes=app.notes)
        planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
        planner.on_warning = app.notes.warning
        input_summary = described_input(reader, input_wait, notes=app.notes)
        context = planning_context(settings, registry, input_summary=input_summary)
        text = None if draft is None else read_text(Path(draft), what="draft")
        if dry_run:
            _show_prompt(planner, instruction, context, draft=text, settings=settings, target=target)
        else:
            pieces = _pieces(planner, instruction, context, draft=text)
            generated = shown_generation(planner, pieces, context=context, notes=app.notes)
            _show(generated, registry, target=target, notes=app.notes)
            app.notes.recorded(record(generated.plan, generated.findings, settings))
    return 0


def _pieces(
    planner: Planner, instruction: str | None, context: PlanContext, *, draft: str | None
) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
    if draft is not None:
        return planner.stream_refined(draft, instruction, context)
    assert instruction is not None, "without a draft there is an instruction"
    return planner.stream(instruction, context)


def _show(generated: GeneratedPlan, registry: Registry, *, target: Target, notes: Notes) -> None:
    show_plan(generated.plan, target, registry=registry)
    if generated.changes is not None:
        notes.changes(generated.changes)
    notes.findings(generated.findings)


def _show_prompt(
    planner: Planner,
    instruction: str | None,
    context: PlanContext,
    *,
    draft: str | None,
    settings: Settings,
    target: Target,
) -> None:
    """Print what would be asked."""
    import asyncio

    from agx.cli.show.previews import prompt_json, prompt_text

    async def prompt() -> PromptPreview:
        async with planner:
            return await planner.prompt(instruction, context, draft=draft)

    preview = asyncio.run(prompt())
    as_text = target.chosen_format == "table"
    target.deliver(prompt_text(preview, settings) if as_text else prompt_json(preview, settings))


def _instruction(words: tuple[str, ...], file: str | None, *, has_draft: bool) -> str | None:
    if file is not None and words:
        raise UsageError("there is an instruction and an --instruction-file", hint="give one of them")
    if file is not None:
        return usable(read_text(Path(file), what="instruction file").rstrip("\r\n"))
    instruction = instruction_of(words)
    if instruction is None and not has_draft:
        raise UsageError("there is no instruction", hint=f"give one in quotes: {EXAMPLE}")
    return instruction


def _settings(given: GivenSettings, *, has_draft: bool, notes: Notes) -> Settings:
    """Read the settings; a draft implies the role delta. Raises `UsageError` where the two contradict."""
    settings = given.read(notes)
    role = settings.text("model_role")
    if has_draft and role != "delta":
        if settings.given["model_role"].source is Source.COMMAND_LINE:
            raise UsageError(f"--role {role} does not read a draft", hint="use --role delta with --draft")
        return read_settings(given.with_role("delta").texts)
    if not has_draft and role == "delta":
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
