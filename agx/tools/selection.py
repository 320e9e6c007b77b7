"""Registries made of registries: merged, narrowed to this machine, or narrowed to an instruction."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace

from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo
from agx.risk.context import PlanContext
from agx.risk.policy import allowed

DEFAULT_TOOLS_LIMIT = 20


def merge_registries(first: Registry, *later: Registry) -> Registry:
    """Return one registry of several. Of tools with the same name the one that comes last counts.

    It takes the place of the one it replaces, so that the order stays; nothing of the replaced one
    remains.
    """
    every = (first, *later)
    tools = {tool.name: tool for registry in every for tool in registry}
    kind = "unix" if all(registry.kind == "unix" for registry in every) else "custom"
    warnings = tuple(warning for registry in every for warning in registry.warnings)
    return Registry.of(tools.values(), kind=kind, warnings=warnings)


def tools_on_path(registry: Registry) -> Registry:
    """Return the tools of a registry that this machine has: commands found on PATH, and all functions.

    Commands that only a shell knows, such as `cd`, are on no PATH. Raises `RegistryInvalid` where
    nothing is left.
    """
    tools = [tool for tool in registry if is_here(tool)]
    if not tools:
        raise RegistryInvalid(
            f"none of the {len(registry)} tools is on this machine's PATH", hint="look at the variable PATH"
        )
    return Registry.of(tools, kind=registry.kind, warnings=registry.warnings)


def is_here(tool: ToolInfo) -> bool:
    """Return whether a tool is a function, or a command that PATH leads to."""
    return tool.schema is not None or path_of(tool) is not None


def path_of(tool: ToolInfo) -> str | None:
    """Return the file that a command runs, or None; a name with a folder in it is not looked up on PATH."""
    return None if os.sep in tool.name else shutil.which(tool.name)


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
