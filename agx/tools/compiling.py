"""Whether a constraint can be compiled for a tool's schema, asked when the tool comes in.

How to find out is the caller's to say: the grammar stands below the registries, which only know whom to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agx.errors import RegistryInvalid
from agx.plan.tools import ToolInfo
from agx.tools.problems import Findings, Place, pointer_steps

SchemaCheck = Callable[[Iterable[ToolInfo]], None]
"""Raises `RegistryInvalid`, with a JSON `pointer` in its details, where tools cannot be planned with."""


def check_compiles(tools: Sequence[tuple[ToolInfo, Place]], found: Findings, *, check: SchemaCheck) -> None:
    """Refuse the tools whose schema no constraint can be compiled for; each comes with its schema's place."""
    functions = [(tool, place) for tool, place in tools if tool.schema is not None]
    try:
        check(tool for tool, _ in functions)
    except RegistryInvalid:
        # One by one: every refusal is told, and all together may be more than one plan is ever offered.
        for tool, place in functions:
            try:
                check([tool])
            except RegistryInvalid as error:
                steps = pointer_steps(str(error.details.get("pointer", "")))
                found.refuse(error.message, place.along(steps), hint=error.hint)
