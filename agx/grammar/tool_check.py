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
from agx.grammar.tool_schema import refusal
from agx.plan.tools import ToolInfo

if TYPE_CHECKING:
    from agx.grammar.constraint import ConstraintCompiler

from agx.util.json_schema import BY_NAME, DEFINED, OF_SCHEMAS, Json, pointer_step

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
    from agx.grammar.constraint import ConstraintCompiler  # noqa: PLC0415 - as above
    from agx.grammar.llguidance import LLTokenizer  # noqa: PLC0415 - a program that checks no tools needs it not

    return ConstraintCompiler(LLTokenizer("byte"))


Schema = Mapping[str, Json]
# Whether a schema compiles; None where it is none, because what it refers to was left out.
Compiles = Callable[[Schema], bool | None]
# Puts a changed part back where it was, and gives the whole.
_Whole = Callable[[Json], Schema]


def refused_path(schema: Schema, compiles: Compiles) -> tuple[str, str]:
    """Return a JSON pointer to what is to blame for a refusal, and the keyword; "" where it is all of it."""
    pointer = keyword = ""
    for step, is_keyword in _in_definitions(schema, compiles) or _blamed(schema, compiles, dict):
        pointer += pointer_step(step)
        keyword = str(step) if is_keyword else keyword
    return pointer, keyword


_Steps = list[tuple[str | int, bool]]


def _in_definitions(schema: Schema, compiles: Compiles) -> _Steps:
    """Return the way to what is to blame where a definition is, without which all else compiles."""
    for key in DEFINED:
        for name, part in schema.get(key, {}).items():

            def whole(changed: Json, key: str = key, name: str = name) -> Schema:
                return {**schema, key: {**schema[key], name: changed}}

            if compiles(whole({})):
                return [(key, True), (name, False), *_blamed(part, compiles, whole)]
    return []


def _blamed(part: Json, compiles: Compiles, whole: _Whole, *, is_schema: bool = True) -> _Steps:
    """Return the way from a part to what in it is to blame, each step with whether it is a keyword.

    `is_schema` is false for a list of schemas, and for schemas by name.
    """
    key = _to_blame(part, compiles, whole, is_schema=is_schema)
    if key is None:
        return []

    def deeper(changed: Json) -> Schema:
        return whole(_with(part, key, changed))

    inner = part[key]
    if is_schema and (
        key not in OF_SCHEMAS or compiles(deeper(_emptied(inner, by_name=key in BY_NAME))) is False
    ):
        return [(key, True)]
    inner_is_schema = not is_schema or (isinstance(inner, Mapping) and key not in BY_NAME)
    return [(key, is_schema), *_blamed(inner, compiles, deeper, is_schema=inner_is_schema)]


def _to_blame(part: Json, compiles: Compiles, whole: _Whole, *, is_schema: bool) -> Json:
    if isinstance(part, list | tuple):
        return next((at for at, each in enumerate(part) if compiles(whole([each])) is False), None)
    keys = sorted(part, key=_rank(part)) if isinstance(part, Mapping) else []
    # A name stays where others may require it: only what is said of it is left out.
    only, without = (_only, _without) if is_schema else (_only_of_names, _without_of_names)
    for key in keys:
        if compiles(whole(only(part, key))) is False:
            return key
    return next((key for key in keys if compiles(whole(without(part, key)))), None)


def _rank(part: Schema) -> Callable[[str], int]:
    """Order what can be left out: small things first, lists late, and last `type`, which all else needs."""

    def rank(key: str) -> int:
        if key == "type":
            return 3
        return 1 if isinstance(part[key], Mapping) else 2 if isinstance(part[key], list | tuple) else 0

    return rank


def _emptied(part: Json, *, by_name: bool) -> object:
    """Return what says as little as possible in place of a part."""
    if by_name and isinstance(part, Mapping):
        return {name: {} for name in part}
    return [{}] if isinstance(part, list | tuple) else {}


def _only(part: Schema, key: str) -> Schema:
    return {each: value for each, value in part.items() if each == key or each in DEFINED}


def _without(part: Schema, key: str) -> Schema:
    return {each: value for each, value in part.items() if each != key}


def _only_of_names(part: Schema, key: str) -> Schema:
    return {each: value if each == key else {} for each, value in part.items()}


def _without_of_names(part: Schema, key: str) -> Schema:
    return {**part, key: {}}


def _with(part: Json, key: Json, value: object) -> Json:
    if isinstance(part, Mapping):
        return {**part, key: value}
    return [*part[:key], value, *part[key + 1 :]]
