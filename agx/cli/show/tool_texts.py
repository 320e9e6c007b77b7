"""Tools as texts: a table of many, everything about one, and what is wrong with a file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agx.cli.show.output import shown_json
from agx.cli.show.tables import rows_table, terminal_columns
from agx.plan.tools import ToolInfo, ToolOptions
from agx.tools.registry_files import tool_as_dict
from agx.tools.selection import path_of
from agx.unix.options import options_of
from agx.util.texts import visible, visible_lines

_NAME_COLUMNS = 18
_WIDE = 100


def tools_table(tools: Sequence[ToolInfo]) -> str:
    """Return one row a tool: name, risk, description, and where there is room for it the category."""
    columns = {
        "tool": [tool.name for tool in tools],
        "category": [tool.category for tool in tools],
        "risk": [" ".join(tool.risk) for tool in tools],
        "description": [tool.description for tool in tools],
    }
    if terminal_columns() < _WIDE:
        del columns["category"]
    return rows_table(list(columns), zip(*columns.values(), strict=True), num_left=len(columns))


def tool_text(tool: ToolInfo) -> str:
    """Return everything known of a tool, for people."""
    facts = {"category": tool.category, "risk": " ".join(tool.risk)}
    if tool.schema is None:
        facts |= {
            "standard input": "is read" if tool.reads_stdin else "is not read",
            "exit codes": ", ".join(map(str, tool.exit_codes)),
            "program": _program(tool),
        } | _options(options_of(tool) or ToolOptions())
    lines = [visible(f"{tool.name}: {tool.description}" if tool.description else tool.name)]
    lines += [line for name, value in facts.items() if value for line in _fact(name, value)]
    if tool.schema is not None:
        schema = json.dumps(tool.schema, indent=2, ensure_ascii=False)
        lines += ["  arguments", *(f"    {line}" for line in visible_lines(schema).splitlines())]
    return "\n".join(lines)


def _fact(name: str, value: str) -> list[str]:
    """Return a fact on lines that a terminal does not break."""
    width = max(terminal_columns(), 2 * _NAME_COLUMNS)
    margin = " " * _NAME_COLUMNS
    return textwrap.wrap(
        visible(value),
        width,
        initial_indent=f"  {name}".ljust(_NAME_COLUMNS),
        subsequent_indent=margin,
        break_on_hyphens=False,
    )


def tool_json(tool: ToolInfo) -> str:
    """Return a tool as it stands in a registry file, with the options that are known of it."""
    data = tool_as_dict(replace(tool, options=options_of(tool)))
    return shown_json(data)


def problems_text(problems: Sequence[Mapping[str, object]]) -> str:
    """Return two lines a problem: what is wrong and where, and what to do."""
    lines: list[str] = []
    for problem in problems:
        line = f"line {problem['line']}" if "line" in problem else None
        where = [str(part) for part in (line, problem["tool"], problem["pointer"]) if part]
        lines.append(visible("refused  " + "  ".join([*where, str(problem["message"])])))
        if problem["hint"]:
            lines.append(visible(f"{'':9}-> {problem['hint']}"))
    lines.append("1 problem" if len(problems) == 1 else f"{len(problems)} problems")
    return "\n".join(lines)


def _program(tool: ToolInfo) -> str:
    if tool.builtin:
        return "none: only a shell knows this command"
    return path_of(tool) or "not on this machine's PATH"


def _options(options: ToolOptions) -> dict[str, str]:
    """Return the options by what the word after them is."""
    named = {
        "options": options.known or (),
        "with a pattern": options.pattern,
        "with a file": options.file,
        "with a command": options.command,
        "with a value": options.value,
    }
    return {words: " ".join(sorted(names)) for words, names in named.items()}
