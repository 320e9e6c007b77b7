"""How the roles share one planning: each generates a plan, and all but the last one's are drafts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from agx.backends.base import ModelBackend
from agx.backends.plan_requests import Draft, PlanOptions
from agx.backends.plans import as_source, stream_plan
from agx.errors import PlanInvalid, UsageError
from agx.plan.dialects import DIALECTS, Dialect
from agx.plan.reading import own_instruction
from agx.plan.schema import Plan
from agx.planning.config import Role
from agx.requests import Chunk
from agx.risk import policy
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_draft

DraftSource = Plan | str | Mapping[str, Any] | Sequence[Any]
"""A plan, or text or data in any form that AGX reads."""


async def stream_roles(  # noqa: PLR0913  a planning, and who does it
    roles: Sequence[Role],
    instruction: str,
    context: PlanContext,
    *,
    backend_of: Callable[[Role], ModelBackend],
    options: PlanOptions | None = None,
    draft: Draft | None = None,
) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
    """Yield the chunks of every role in order, and the plan of the last one.

    The first role begins with `draft`, if there is one. What the rules find in a draft is for the next
    role to mend: it ends nothing, but a text that holds no plan raises `PlanInvalid`. `options` takes the
    place of the roles' own, except for how many tools and examples each is given, and a dialect left open.
    """
    for role in roles:
        is_last = role is roles[-1]
        own = role.options if options is None else _within_role(options, role)
        stream = stream_plan(backend_of(role), instruction, context, options=own, draft=draft)
        try:
            async with aclosing(stream) as items:
                async for item in items:
                    if is_last or not isinstance(item, GeneratedPlan):
                        yield item
                    else:
                        dialect = _dialect_of(item.metadata.parameters)
                        draft = draft_of(item.text, instruction, context, dialect=dialect)
        except PlanInvalid as error:
            if is_last:
                raise
            draft = draft_of(error.text, instruction, context, dialect=_dialect_of(error.details))


def _within_role(options: PlanOptions, role: Role) -> PlanOptions:
    """Return the options of one plan, with as many tools and examples as its role is given.

    A dialect that they leave open is the role's.
    """
    own = role.options
    dialect = own.dialect if options.dialect == "auto" else options.dialect
    return replace(options, tools_limit=own.tools_limit, examples=own.examples, dialect=dialect)


def _dialect_of(values: Mapping[str, Any]) -> Dialect:
    """Return the dialect of a text, from its plan's parameters or its error's details."""
    return next((each for each in DIALECTS if each == values.get("dialect")), "json")


def draft_of(
    source: DraftSource, instruction: str | None, context: PlanContext, *, dialect: Dialect = "json"
) -> Draft:
    """Read a draft, and find what there is to mend in it; `instruction` is the draft's own unless given.

    Where both are there and differ, the draft keeps its own as what it was made for.

    Raises `PlanInvalid` where it holds no plan, and `UsageError` where nothing says what it is for.
    """
    data = source.to_dict() if isinstance(source, Plan) else as_source(source, dialect)
    plan, findings = read_draft(
        data,
        context.registry,
        instruction=instruction or "",
        max_tasks=context.task_limit,
        dialect=dialect,
        is_asked=True,
    )
    if not plan.instruction.strip():
        raise UsageError("the draft does not say what it is for", hint="give the instruction as well")
    asked = own_instruction(data) if dialect == "json" else ""
    return Draft(
        plan,
        (*policy.check(plan.tasks, context), *findings),
        asked=asked if asked not in ("", plan.instruction) else None,
    )
