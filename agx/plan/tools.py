"""Tools and the registry: what a plan may call.

The built-in registry, `unix_tools.jsonl`, names the Unix commands that the NL2Bash corpus uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from agx.errors import RegistryInvalid
from agx.plan.schema import Risk


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """One tool: a Unix command, or with `schema` (a JSON Schema) a function with named arguments.

    `risk` is the lowest class the tool has when nothing dangerous is in its arguments.
    """

    name: str
    description: str = ""
    reads_stdin: bool = False
    risk: tuple[Risk, ...] = ("reads",)
    builtin: bool = False
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """The tools that may be called, by name, in a fixed order. `kind` is "unix" or "custom".

    Two registries are equal when they are the same one, so what is made of one can be kept.
    """

    kind: str
    tools: Mapping[str, ToolInfo] = field(repr=False)

    @classmethod
    def of(cls, tools: Iterable[ToolInfo], *, kind: str = "custom") -> Registry:
        """Make a registry; raises `RegistryInvalid` when a name stands twice or there is no tool."""
        by_name: dict[str, ToolInfo] = {}
        for tool in tools:
            if tool.name in by_name:
                raise RegistryInvalid(
                    f"the tool {tool.name!r} is in the registry twice", hint="give every tool its own name"
                )
            by_name[tool.name] = tool
        if not by_name:
            raise RegistryInvalid("the registry has no tools", hint="add at least one tool")
        return cls(kind=kind, tools=by_name)

    def __contains__(self, name: object) -> bool:
        return name in self.tools

    def __iter__(self) -> Iterator[ToolInfo]:
        return iter(self.tools.values())

    def __len__(self) -> int:
        return len(self.tools)

    def get(self, name: str) -> ToolInfo | None:
        """Give the tool of that name, or None."""
        return self.tools.get(name)


@cache
def unix_registry() -> Registry:
    """Give the built-in registry of Unix commands."""
    text = files("agx.plan").joinpath("unix_tools.jsonl").read_text(encoding="utf-8")
    rows = (json.loads(line) for line in text.splitlines() if line)
    return Registry.of((ToolInfo(**row | {"risk": tuple(row["risk"])}) for row in rows), kind="unix")
