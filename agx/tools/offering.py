"""Which tools a model is offered, where the registry has more of them than it handles well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agx.risk.context import PlanContext
from agx.risk.policy import allowed

DEFAULT_TOOLS_LIMIT = 20


def num_offered(context: PlanContext, tools_limit: int | None) -> int | None:
    """Return how many tools are to be chosen among those of the context, or None where all are offered.

    `tools_limit` 0 is no limit. None leaves it to the tools: of functions, which a model knows from
    their schemas only, 20 are offered; commands are all offered, since models know them by name and a
    pipeline needs more of them than its instruction tells. What the context offers itself stays.
    """
    tools = allowed(context.registry, context.forbidden, context.max_risk)
    if tools_limit is None:
        tools_limit = DEFAULT_TOOLS_LIMIT if any(tool.schema is not None for tool in tools) else 0
    is_narrow = context.offered is not None or len(tools) <= tools_limit
    return None if is_narrow or tools_limit == 0 else tools_limit


def offering(context: PlanContext, instruction: str, *, num_tools: int, kept: Iterable[str]) -> PlanContext:
    """Return the context with the tools that are offered: those to be kept, and the best by relevance.

    There are `num_tools` of them, or more where more are to be kept; a tool that is not allowed is
    never among them.
    """
    from agx.tools.ranking import ranked  # noqa: PLC0415  few registries are so large

    tools = allowed(context.registry, context.forbidden, context.max_risk)
    names = dict.fromkeys(name for name in kept if name in tools)
    best = (name for name in ranked(tools, instruction) if name not in names)
    names |= dict.fromkeys(name for name, _ in zip(best, range(num_tools - len(names)), strict=False))
    return replace(context, offered=tuple(tool.name for tool in tools if tool.name in names))
