"""Whether the tools of a registry can be planned with, said before any model is loaded.

The constraint is compiled for the 256 bytes instead of a model's tokens: what cannot be compiled does
not depend on the vocabulary. It needs llguidance, which is not imported before it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from agx.errors import ConstraintFailed, RegistryInvalid
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.grammar.refused import refused_path
from agx.grammar.tool_schema import refusal
from agx.plan.tools import ToolInfo

if TYPE_CHECKING:
    from agx.grammar.matcher import ConstraintCompiler

# The second task is the first one whose arguments may be an output.
_LIMITS = PlanLimits(max_tasks=2)
_MAX_LOOKING_SECS = 2.0


def check_tools(tools: Iterable[ToolInfo]) -> None:
    """Raise `RegistryInvalid` where the tools cannot be planned with.

    `details` then has the `tool`, the `keyword` that cannot be compiled, and a JSON `pointer` to it in
    the tool's schema; both are empty where it is the size of the schemas.
    """
    functions = [tool for tool in tools if tool.schema is not None]
    if not functions or _reason(functions) is None:
        return
    for tool in functions:
        if (reason := _reason([tool])) is not None:
            raise _refused(tool, reason)
    raise RegistryInvalid(
        f"the schemas of {len(functions)} tools are too large together: {_reason(functions)}",
        hint="leave tools out, or simplify their schemas",
    )


def _refused(tool: ToolInfo, reason: str) -> RegistryInvalid:
    """Make the error, with the place that is to blame."""
    assert tool.schema is not None
    pointer, keyword = refused_path(tool.schema, _compiles_as(tool))
    return refusal(tool.name, pointer, reason, keyword=keyword)


def _compiles_as(tool: ToolInfo) -> Callable[[Mapping[str, Any]], bool | None]:
    """Tell of other schemas for the tool whether they compile.

    None where they are no schemas, and where looking took so long that the place is left open.
    """
    until = time.monotonic() + _MAX_LOOKING_SECS

    def compiles(schema: Mapping[str, Any]) -> bool | None:
        if time.monotonic() > until:
            return None
        try:
            return _reason([ToolInfo(tool.name, schema=schema)]) is None
        except RegistryInvalid:
            return None

    return compiles


def _reason(tools: list[ToolInfo]) -> str | None:
    """Say why the tools do not compile; None where they do."""
    schema = plan_schema(tools, _LIMITS)
    try:
        _compiler().compile(schema)
    except ConstraintFailed as error:
        return str(error.details["reason"])
    return None


@cache
def _compiler() -> ConstraintCompiler:
    from agx.grammar.library import LLTokenizer  # noqa: PLC0415 - a program that checks no tools needs it not
    from agx.grammar.matcher import ConstraintCompiler  # noqa: PLC0415 - as above

    return ConstraintCompiler(LLTokenizer("byte"))
