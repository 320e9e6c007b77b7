"""From an instruction and its context to the request that a backend generates: pure, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, field, replace
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING

from agx.backends.base import ModelFacts
from agx.backends.dialect_choice import check_dialect
from agx.errors import ModelMismatch, UsageError
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.dialects import Dialect, DialectChoice
from agx.plan.schema import MAX_TASKS, Finding, Plan, Task
from agx.plan.tools import Registry
from agx.prompts.chosen_examples import (
    DEFAULT_EXAMPLES,
    MAX_EXAMPLES,
    NO_EXAMPLES,
    ShownExamples,
    foreign_tools,
)
from agx.prompts.messages import delta_turns, example_turns, system_text, template_tools, written_plan
from agx.requests import GenerationRequest, Message, Parameters
from agx.risk import policy
from agx.risk.context import PlanContext
from agx.tools.selection import num_offered, offering
from agx.util.frozen import dataclass

if TYPE_CHECKING:
    from agx.grammar.tool_schema import Schema
    from agx.toolcalls.formats import CallFormat

# Delta changes a draft only where it is this much surer, in nats: a right draft is to stay as it is. Both
# were found by measurement, the general one with `scripts/measure-delta`.
TRAINED_DRAFT_MARGIN = 5.0
GENERAL_DRAFT_MARGIN = 4.0
# What a request is made for while the model loads: as the embedded planner, which writes JSON.
TRAINED = ModelFacts(name="", planner_tools="unix")


@dataclass(frozen=True, slots=True)
class Draft:
    """What Delta starts from: a plan, what the rules found in it, and the instruction it was made for.

    `asked` is None where that is the instruction by which it is refined, or is not known.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How to generate one plan.

    `reasoning_tokens` None lets the model reason as far as it has to. `tools_limit` is the most tools
    that the model is offered, the best for the instruction: 0 is all of them, None what suits model and
    tools. `examples` is the most examples near the instruction that a general model is shown, beside a few
    that are always the same; 0 is none at all. `dialect` is the form in which the model writes the plan.
    `draft_margin` is how much surer than of its draft, in nats, Delta must be to depart from it; None is
    what was measured best for models like this one.
    """

    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    deadline_secs: float | None = None
    reasoning_tokens: int | None = None
    tools_limit: int | None = None
    examples: int = DEFAULT_EXAMPLES
    dialect: DialectChoice = "auto"
    draft_margin: float | None = None


def check_request(instruction: str, context: PlanContext, options: PlanOptions) -> None:
    """Raise `UsageError` for what no request can be made of.

    That is an instruction that is not text or says nothing, `max_tasks`, a time limit or a number of
    examples that cannot be, a policy that names no tool or leaves none, and the dialect `shell` for what
    is no command.
    """
    _check_instruction(instruction)
    check_options(context, options)


def check_options(context: PlanContext, options: PlanOptions) -> None:
    """Raise `UsageError` for what no request can be made of, whatever it says; see `check_request`."""
    if not 1 <= context.task_limit <= MAX_TASKS:
        raise UsageError(f"max_tasks cannot be {context.task_limit}", hint=f"use 1 to {MAX_TASKS}")
    if options.deadline_secs is not None and not 0 <= options.deadline_secs < inf:
        raise UsageError(f"the time limit cannot be {options.deadline_secs} s", hint="give none for no limit")
    if options.draft_margin is not None and not 0 <= options.draft_margin < inf:
        hint = "use a number of nats from 0 on"
        raise UsageError(f"the margin of a draft cannot be {options.draft_margin!r}", hint=hint)
    if type(options.examples) is not int or not 0 <= options.examples <= MAX_EXAMPLES:
        hint = f"use 0 to {MAX_EXAMPLES}; 0 is none"
        raise UsageError(f"the number of examples cannot be {options.examples!r}", hint=hint)
    check_dialect(options.dialect, policy.offered(context))


def has_too_many_tools(context: PlanContext, options: PlanOptions) -> bool:
    """Return whether tools have to be chosen, unless the model was trained for all of them."""
    return num_offered(context, options.tools_limit) is not None


def with_best_tools(
    context: PlanContext, instruction: str, options: PlanOptions, draft: Draft | None
) -> PlanContext:
    """Return the context with the tools that a general model is offered: the best, and those in use."""
    num_tools = num_offered(context, options.tools_limit)
    if num_tools is None:
        return context
    tasks: Sequence[Task] = (*context.existing_tasks, *(() if draft is None else draft.plan.tasks))
    kept = [task.command for task in tasks]
    return offering(context, instruction, num_tools=num_tools, kept=kept)


def plan_request(  # noqa: PLR0913  what a request is made of
    instruction: str,
    context: PlanContext,
    options: PlanOptions,
    draft: Draft | None = None,
    *,
    examples: ShownExamples = NO_EXAMPLES,
    facts: ModelFacts = TRAINED,
) -> GenerationRequest:
    """Make the request for Echo, or with a draft for Delta, of what `check_request` has let through.

    Where the options leave the dialect open, it is JSON. A general model, which by its `facts` was not
    trained for its tools, is asked to refine a draft in words of their own.
    """
    dialect: Dialect = "json" if options.dialect == "auto" else options.dialect
    own = _call_format(facts.call_format) if dialect == "native" else None
    tools = policy.offered(context)
    functions, listing = template_tools(tools)
    if own is None:
        text = _system_text(context, dialect, has_examples=bool(examples))
        tools_text = listing + "\n\n"
    else:
        text, tools_text = _native_system_text(context, own)
    written = None if draft is None else written_plan(draft.plan.tasks, dialect, own)
    messages = (
        Message("system", text),
        *example_turns(tuple(examples), dialect, own),
        *_turns(instruction, draft, written, facts),
    )
    limits = PlanLimits(max_tasks=context.task_limit, **asdict(context.limits))
    return GenerationRequest(
        messages=messages,
        schema=_schema(tools, limits) if dialect == "json" else None,
        grammar=None if dialect == "json" else _grammar(tools, limits, own),
        parameters=options.parameters,
        seed=options.seed,
        deadline_secs=options.deadline_secs,
        reasoning_tokens=options.reasoning_tokens,
        draft=written,
        draft_margin=_draft_margin(options, facts),
        tools=functions,
        tools_text=tools_text if functions else "",
        num_static_messages=_num_static(context, examples),
    )


def _draft_margin(options: PlanOptions, facts: ModelFacts) -> float:
    if options.draft_margin is not None:
        return options.draft_margin
    return GENERAL_DRAFT_MARGIN if facts.is_general else TRAINED_DRAFT_MARGIN


def _turns(instruction: str, draft: Draft | None, written: str | None, facts: ModelFacts) -> list[Message]:
    """Return the turns behind the examples: the instruction alone for Echo."""
    asked = Message("user", instruction)
    if draft is None or written is None:
        return [asked]
    if not facts.is_general:
        return [asked, *delta_turns(written, draft.findings)]
    from agx.prompts import refining  # noqa: PLC0415  the embedded planner was trained for its drafts

    if facts.follows_drafts:
        return refining.turns_beside_draft(instruction, draft.findings, written=written, asked=draft.asked)
    return refining.turns_with_draft(instruction, draft.findings, written=written)


def _num_static(context: PlanContext, examples: ShownExamples) -> int:
    """Return how many messages say nothing of this instruction, nor of what it is about.

    Tools that were chosen for an instruction stand in the first of them.
    """
    if context.existing_tasks or context.input_summary or context.offered is not None:
        return 0
    return 1 + 2 * len(examples.core)


def names_offered(context: PlanContext) -> tuple[str, ...] | None:
    """Return the names of the tools that were chosen to be offered, or None where all allowed ones are."""
    allowed = replace(context, offered=None)
    tools = policy.offered(context)
    return None if tools is policy.offered(allowed) else tuple(tool.name for tool in tools)


def refuse_mismatch(facts: ModelFacts, registry: Registry) -> None:
    """Raise `ModelMismatch` where a model made for Unix tools is asked to plan with others."""
    if facts.planner_tools != "unix" or registry.kind == "unix":
        return
    foreign = foreign_tools(registry)
    if foreign:
        raise ModelMismatch(
            f"{facts.name} plans with Unix commands only; this registry has {foreign[0]!r}",
            hint="use a general instruction model: --model FILE.gguf",
            tools=foreign[:10],
        )


def _system_text(context: PlanContext, dialect: Dialect, *, has_examples: bool) -> str:
    if dialect == "json":
        return system_text(context, has_examples=has_examples)
    from agx.prompts.shell_messages import shell_system_text  # noqa: PLC0415  the embedded planner writes JSON

    return shell_system_text(context)


def _native_system_text(context: PlanContext, call_format: CallFormat) -> tuple[str, str]:
    from agx.prompts.native_messages import native_system_text  # noqa: PLC0415  as above

    return native_system_text(context, call_format)


def _call_format(name: str | None) -> CallFormat:
    from agx.toolcalls.formats import format_named  # noqa: PLC0415  as above

    assert name is not None, "the dialect native was chosen for a model with a format"
    return format_named(name)


def _grammar(registry: Registry, limits: PlanLimits, call_format: CallFormat | None) -> str:
    """Return the grammar of native calls where there is a format of them, and else that of pipelines."""
    if call_format is not None:
        from agx.grammar.native_dialect import native_grammar  # noqa: PLC0415  as above

        return native_grammar(registry, limits, call_format)
    from agx.grammar.shell_dialect import shell_grammar  # noqa: PLC0415  as above

    return shell_grammar(registry, limits)


@lru_cache(maxsize=8)
def _schema(registry: Registry, limits: PlanLimits) -> Schema:
    """Return the schema of the plans: the same one for the same registry, so that it is made once."""
    return plan_schema(tuple(registry), limits)


def _check_instruction(instruction: str) -> None:
    hint = 'say what to plan: agx plan "count lines in a.txt"'
    if not isinstance(instruction, str):
        raise UsageError(f"the instruction is no text but {type(instruction).__name__}", hint=hint)
    if not instruction.strip():
        raise UsageError("the instruction is empty", hint=hint)
    if any("\ud800" <= char <= "\udfff" for char in instruction):
        raise UsageError(
            "the instruction is not valid Unicode: it has half a character", hint="use UTF-8 text"
        )
