"""Whether a registry can be planned with, and how exactly, checked before any model is loaded.

The constraint is compiled for the 256 bytes instead of a model's tokens: whether it compiles does not
depend on the vocabulary. This needs llguidance, which is imported when the first check is made.

A keyword that is to blame for a refusal is left out of the constraint, and the rest is tried again. So a
tool is refused only for what has no meaning, or where nothing else helps.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from agx.errors import ConstraintFailed, RegistryInvalid
from agx.grammar.blame import Compiles, Schema, refused_path
from agx.grammar.definitions import TOO_DEEP
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.grammar.tool_schema import held_definitions, refusal
from agx.plan.tools import ToolInfo
from agx.util.json_schema import Json, pointer_step

if TYPE_CHECKING:
    from agx.grammar.constraint import ConstraintCompiler

# The second task is the first one whose arguments may be an output.
_LIMITS = PlanLimits(max_tasks=2)
# For one keyword, and for all keywords of a tool.
_MAX_SEARCH_SECS = 0.5
_MAX_LEFT_OUT = 20
# Where one of these is refused, there is nothing that a plan could be checked for.
_MEANS_NOTHING = frozenset({"type", "$ref"})
# How the compiler says that no value fits a schema.
_FITS_NOTHING = "Unsatisfiable"
_SHAPE = frozenset("type properties required additionalProperties $defs definitions".split())


def check_tools(tools: Iterable[ToolInfo]) -> tuple[ToolInfo, ...]:
    """Return the tools, each with the keywords of its schema that the constraint does not hold.

    Raises `RegistryInvalid` where they cannot be planned with. `details` then has the `tool`, the
    `keyword` that cannot be compiled, and a JSON `pointer` to it in the tool's schema; both are empty
    where the schemas are too large as a whole.
    """
    given = tuple(tools)
    functions = [tool for tool in given if tool.schema is not None]
    if functions and _reason(functions) is not None:
        fitted = {tool.name: _fitted(tool) for tool in functions}
        given = tuple(fitted.get(tool.name, tool) for tool in given)
        functions = [*fitted.values()]
        if (reason := _reason(functions)) is not None:
            raise RegistryInvalid(
                f"the schemas of {len(functions)} tools are too large together: {reason}",
                hint="leave tools out, or simplify their schemas",
            )
    return tuple(_with_notes(tool) for tool in given)


def _with_notes(tool: ToolInfo) -> ToolInfo:
    """Return the tool with the keywords that its definitions do not hold."""
    if tool.schema is None:
        return tool
    _, unheld = held_definitions(tool.name, tool.schema, name="arguments", left_out=tool.left_out)
    approximated = tuple(pointer for pointer in unheld.approximated if pointer not in unheld.left_out)
    return replace(tool, approximated=approximated, left_out=tuple(unheld.left_out))


def _fitted(tool: ToolInfo) -> ToolInfo:
    """Return the tool without the keywords that do not compile; raises `RegistryInvalid`."""
    until = time.monotonic() + _MAX_SEARCH_SECS
    fitted = tool
    while (reason := _reason([fitted])) is not None:
        assert tool.schema is not None
        pointer, keyword = refused_path(tool.schema, _compiles_as(fitted, until))
        if reason == TOO_DEEP or keyword in _MEANS_NOTHING or not _is_json(tool.schema):
            raise refusal(tool.name, pointer, _in_words(reason), keyword=keyword)
        if _FITS_NOTHING in reason and _is_needed(fitted, pointer):
            raise refusal(tool.name, pointer, "no value fits, and one is required", keyword=keyword)
        if keyword and pointer not in fitted.left_out and len(fitted.left_out) < _MAX_LEFT_OUT:
            fitted = replace(fitted, left_out=(*fitted.left_out, pointer))
            continue
        bare = replace(tool, left_out=tuple(_all_but_shape(tool.schema)))
        if _reason([bare]) is not None:
            raise refusal(tool.name, pointer, _in_words(reason), keyword=keyword)
        return bare
    return fitted


def _in_words(reason: str) -> str:
    """Return a compiler's reason without what it says of its own options."""
    sentences = [sentence for sentence in reason.split(". ") if "option" not in sentence]
    return ". ".join(sentences) or "it cannot be compiled"


def _is_needed(tool: ToolInfo, pointer: str) -> bool:
    """Return whether no arguments fit without a value of the schema that has the keyword at a place."""
    steps = pointer.split("/")[1:-1]
    if not steps:
        return True
    try:
        held_definitions(tool.name, _with_false(dict(tool.schema or {}), steps), name="arguments")
    except RegistryInvalid:
        return True
    return False


def _with_false(part: Json, steps: Sequence[str]) -> Json:
    """Return a schema with `false` at the place that these steps of a JSON pointer lead to."""
    if not steps:
        return False
    key = steps[0].replace("~1", "/").replace("~0", "~")
    if isinstance(part, list | tuple):
        return [_with_false(each, steps[1:]) if at == int(key) else each for at, each in enumerate(part)]
    return {**part, key: _with_false(part[key], steps[1:])}


def _is_json(schema: Schema) -> bool:
    """Return whether a schema can be written as JSON."""
    try:
        json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _all_but_shape(schema: Schema) -> Iterable[str]:
    """Yield pointers to everything but the names of the properties, and which are required."""
    yield from (pointer_step(key) for key in schema if key not in _SHAPE)
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        for key in part if isinstance(part, Mapping) else ():
            yield f"/properties{pointer_step(name)}{pointer_step(key)}"


def _compiles_as(tool: ToolInfo, until: float) -> Compiles:
    """Return a check of other schemas for the tool, which says None once the search has taken too long."""

    def compiles(schema: Schema) -> bool | None:
        if time.monotonic() > until:
            return None
        try:
            return _reason([replace(tool, schema=schema)]) is None
        except RegistryInvalid:
            return None

    return compiles


def _reason(tools: Sequence[ToolInfo]) -> str | None:
    """Return why the tools do not compile; None where they do."""
    schema = plan_schema(tools, _LIMITS)
    try:
        _compiler().compile(schema)
    except ConstraintFailed as error:
        return str(error.details["reason"])
    return None


@cache
def _compiler() -> ConstraintCompiler:
    from agx.grammar.constraint import ConstraintCompiler  # noqa: PLC0415  few programs check tools
    from agx.grammar.llguidance import LLTokenizer  # noqa: PLC0415  few programs check tools

    return ConstraintCompiler(LLTokenizer("byte"))
