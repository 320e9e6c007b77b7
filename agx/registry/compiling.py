"""Whether the constraint can be compiled for a tool's schema, said when the tool comes in."""

from __future__ import annotations

from collections.abc import Sequence

from agx.errors import RegistryInvalid
from agx.plan.tools import ToolInfo
from agx.registry.problems import Findings, Place, pointer_steps


def check_compiles(tools: Sequence[tuple[ToolInfo, Place]], found: Findings) -> None:
    """Refuse the tools whose schema no constraint can be compiled for; each comes with its schema's place."""
    from agx.grammar.check import check_tools  # noqa: PLC0415 - only tools with schemas need it

    functions = [(tool, place) for tool, place in tools if tool.schema is not None]
    try:
        check_tools(tool for tool, _ in functions)
    except RegistryInvalid:
        # One by one: every refusal is told, and all together may be more than one plan is ever offered.
        for tool, place in functions:
            try:
                check_tools([tool])
            except RegistryInvalid as error:
                steps = pointer_steps(str(error.details.get("pointer", "")))
                found.refuse(error.message, place.along(steps), hint=error.hint)
