"""The options of the Unix commands: which there are, and what kind of value each takes.

They are written down in `unix_options.jsonl`, one tool a line, after the manuals of the GNU tools
with what BSD and macOS have besides. A line is parsed when somebody asks for its tool.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from agx.plan.tools import ToolInfo, ToolOptions

_SETS = ("pattern", "file", "command", "value", "known", "joined")


def options_of(tool: ToolInfo) -> ToolOptions | None:
    """Return a tool's options: its own, else those of the Unix command of its name; None if nobody knows."""
    if tool.options is not None or tool.schema is not None:
        return tool.options
    return unix_options(tool.name)


def unix_options(name: str) -> ToolOptions | None:
    """Return what is written down of the options of a Unix command; None where nothing is."""
    line = _lines().get(name)
    return None if line is None else _parsed(line)


@cache
def _parsed(line: str) -> ToolOptions | None:
    row = json.loads(line)
    if "same_as" in row:
        return unix_options(row["same_as"])
    sets = {key: frozenset(row[key]) for key in _SETS if key in row}
    return ToolOptions(**sets, syntax=row.get("syntax", "letters"))


@cache
def _lines() -> Mapping[str, str]:
    """Return the lines of the file by tool; every one begins with `{"name": "…"`."""
    text = files("agx.unix").joinpath("unix_options.jsonl").read_text(encoding="utf-8")
    return {line.split('"', 4)[3]: line for line in text.splitlines()}
