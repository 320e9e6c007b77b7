"""The options of a command as a registry of tools says them, made of a spec; and a spec made of those."""

from __future__ import annotations

from functools import cache

from agx.plan.tools import ToolInfo, ToolOptions
from agx.unix.command_specs import CommandSpec, exact_spec, is_option

_KINDS = {
    **dict.fromkeys(("paths", "files", "places", "scripts"), "file"),
    **dict.fromkeys(("shell", "exec"), "command"),
}  # any other takes a pattern or a value


def unix_options(name: str) -> ToolOptions | None:
    """Return the options of the Unix command of exactly this name; None where none are written down."""
    spec = exact_spec(name)
    return None if spec is None else _tool_options(spec)


def spec_of_tool(tool: ToolInfo) -> CommandSpec | None:
    """Return a tool as its registry says its options, else the Unix command of exactly its name, if any."""
    if tool.options is not None:
        return spec_of_options(tool.name, tool.options)
    return None if tool.schema is not None else exact_spec(tool.name)


def options_of(tool: ToolInfo) -> ToolOptions | None:
    """Return a tool's options: its own, else those of the Unix command of its name, or None."""
    if tool.options is not None or tool.schema is not None:
        return tool.options
    return unix_options(tool.name)


@cache
def spec_of_options(name: str, options: ToolOptions) -> CommandSpec:
    """Return a command as a registry says its options: which take a command, a pattern or another value."""
    kinds = {
        **dict.fromkeys(options.value, "values"),
        **dict.fromkeys(options.file, "paths"),
        **dict.fromkeys(options.pattern, "patterns"),
        **dict.fromkeys(options.command, "shell"),
    }
    return CommandSpec(
        name=name,
        family=name,
        known=options.known,
        kinds=kinds,
        joined=options.joined,
        leading=options.syntax == "leading",
        single=options.syntax == "words",
    )


@cache
def _tool_options(spec: CommandSpec) -> ToolOptions | None:
    """Return the options of a command; None where there is nothing to say."""
    sets: dict[str, set[str]] = {"pattern": set(), "file": set(), "value": set(), "command": set()}
    for option, kind in spec.kinds.items():
        name = "pattern" if spec.is_pattern(option) else _KINDS.get(kind, "value")
        sets[name].add(option)
    sets["value"] |= spec.maybe
    sets["command"] |= spec.shell_operand
    options = {name: frozenset(filter(is_option, found)) for name, found in sets.items()}
    found = ToolOptions(
        **options,
        known=spec.known,
        joined=frozenset(option for option in spec.joined | spec.digits if not option.startswith("--")),
        syntax="words" if spec.single else "leading" if spec.leading else "letters",
    )
    return None if found == ToolOptions(syntax=found.syntax) else found
