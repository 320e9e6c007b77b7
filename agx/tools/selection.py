"""Registries made of registries: merged, narrowed to this machine, or narrowed to an instruction."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo
from agx.risk.context import PlanContext
from agx.risk.policy import allowed

DEFAULT_TOOLS_LIMIT = 20


def merge_registries(first: Registry, *later: Registry) -> Registry:
    """Return one registry made of several. Of tools with the same name the last one counts.

    It takes the place of the one that it replaces, so the order stays.
    """
    every = (first, *later)
    tools = {tool.name: tool for registry in every for tool in registry}
    kind = "unix" if all(registry.kind == "unix" for registry in every) else "custom"
    warnings = tuple(warning for registry in every for warning in registry.warnings)
    return Registry.of(tools.values(), kind=kind, warnings=warnings)


def tools_on_path(registry: Registry) -> Registry:
    """Return the tools that this machine has: the commands on PATH, and all functions.

    Builtins of a shell, such as `cd`, are on no PATH. Raises `RegistryInvalid` where nothing is left.
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
    """Return the file that a command runs, or None; a name with a folder is not looked up on PATH."""
    import shutil  # noqa: PLC0415  it brings five compressors, and few plans choose tools

    return None if os.sep in tool.name else shutil.which(tool.name)


def num_offered(context: PlanContext, tools_limit: int | None) -> int | None:
    """Return how many of the context's tools to offer a model, or None for all of them.

    `tools_limit` 0 means no limit. None leaves it to the tools: 20 where there are functions, which a
    model knows from their schemas only; all where there are commands only, which models know by name,
    and of which a pipeline needs more than its instruction mentions. A context that offers a choice of
    its own keeps it.
    """
    tools = allowed(context.registry, context.forbidden, context.max_risk)
    if tools_limit is None:
        tools_limit = DEFAULT_TOOLS_LIMIT if any(tool.schema is not None for tool in tools) else 0
    is_narrow = context.offered is not None or len(tools) <= tools_limit
    return None if is_narrow or tools_limit == 0 else tools_limit


def offering(context: PlanContext, instruction: str, *, num_tools: int, kept: Iterable[str]) -> PlanContext:
    """Return the context with `num_tools` tools on offer: those to be kept, and the most relevant others.

    More are offered only where more are to be kept. A tool that is not allowed is never offered.
    """
    from agx.tools.ranking import ranked  # noqa: PLC0415  few registries are so large

    tools = allowed(context.registry, context.forbidden, context.max_risk)
    names = dict.fromkeys(name for name in kept if name in tools)
    best = (name for name in ranked(tools, instruction) if name not in names)
    names |= dict.fromkeys(name for name, _ in zip(best, range(num_tools - len(names)), strict=False))
    return replace(context, offered=tuple(tool.name for tool in tools if tool.name in names))
