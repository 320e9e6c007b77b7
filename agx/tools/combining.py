"""Registries of registries: several merged into one, and one narrowed to what this machine has."""

from __future__ import annotations

import os
import shutil

from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo


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
