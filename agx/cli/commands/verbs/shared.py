"""What the verbs of `agx plan` share: their options, and showing the plan that is being built."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agx.cli.instruction import in_quotes
from agx.cli.shared_options import App, debug_option
from agx.cli.show.formats import Target, show_plan
from agx.cli.show.output import shown_json
from agx.errors import UsageError

if TYPE_CHECKING:
    from agx.plan.open_plan import OpenPlan
    from agx.session.building import PlanSession, StepResult


class Verb(click.Command):
    """A verb's command: where its words are an instruction, it says how to plan that."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; raises `UsageError` for what the verb does not take."""
        words = [ctx.info_name or "", *args]
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            message = error.format_message().rstrip(".")
            hint = f"`agx plan {ctx.info_name} --help` shows how it is used"
            if len(words) > 1 and not words[1].startswith("-"):
                hint += f"; to plan an instruction: agx plan {in_quotes(words)}"
            raise UsageError(message[:1].lower() + message[1:], hint=hint) from None


def buffer_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --buffer and --debug."""
    text = "The file of the plan that is being built (default: AGX_PLAN_BUFFER, or buffer.json in AGX_HOME)."
    return click.option("--buffer", metavar="FILE", help=text)(debug_option(command))


def json_target(*, as_json: bool) -> Target:
    """Return standard output, in JSON or what suits it."""
    return Target("json" if as_json else None)


def show_step(app: App, session: PlanSession, result: StepResult, *, as_json: bool) -> int:
    """Show the plan after a step, and say what was done; returns the exit code."""
    show_open_plan(app, session, result.plan, json_target(as_json=as_json))
    app.notes.findings(result.findings)
    app.notes.done(result.done)
    return 0


def show_open_plan(app: App, session: PlanSession, plan: OpenPlan, target: Target) -> None:
    """Print a plan as it stands, and what the rules find in it."""
    form = target.chosen_format
    if plan.tasks or form not in {"table", "json"}:
        show_plan(session.assessed(plan), target, registry=session.registry(plan))
    else:
        target.deliver(_empty_json(plan) if form == "json" else "the plan has no tasks yet")
    app.notes.findings(session.findings(plan))


def _empty_json(plan: OpenPlan) -> str:
    data = {"version": 1, "plan_id": plan.plan_id, "instruction": plan.goal, "tasks": []}
    return shown_json(data)
