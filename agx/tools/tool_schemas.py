"""A tool's JSON Schema on its way into a registry: put into draft 2020-12, and checked.

A keyword counts only where a schema stands. `type` inside `properties` is a parameter of that name,
and whatever stands in `default`, `enum`, `const` or `examples` is data: neither is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from agx.errors import RegistryInvalid
from agx.plan.tools import ToolInfo
from agx.tools.older_dialects import NEWEST, as_written, draft_of, modern
from agx.tools.plain import check_parameter, cleaned
from agx.tools.problems import Place, Problems, pointer_steps, shown
from agx.tools.schema_addresses import with_pointers
from agx.tools.schema_patterns import adapted_pattern
from agx.tools.schema_references import PlaceOf, check_references
from agx.util.json_schema import (
    ALONE,
    BY_NAME,
    DEFINED,
    IN_LIST,
    TYPES,
    Json,
    Schema,
    all_schemas,
    is_of_type,
)
from agx.util.patterns import PatternError, compiled

if TYPE_CHECKING:
    from jsonschema import ValidationError

# How registries ask whether a constraint can be compiled; the grammar stands below them, so it is passed in.
# It returns them with what the constraint does not hold, and raises `RegistryInvalid`, with a JSON `pointer`
# in its details, for tools that cannot be planned with.
SchemaCheck = Callable[[Iterable[ToolInfo]], Sequence[ToolInfo]]
# Compiling takes quadratic time; no tool's arguments need so many schemas.
MAX_PARTS = 5000
# Type names of other languages and of BFCL, in lower case. None: any value fits.
_TYPE_NAMES: dict[str, str | None] = {
    **{name: name for name in TYPES},
    **dict.fromkeys(("dict", "hashmap", "map", "mapping", "struct"), "object"),
    **dict.fromkeys(("list", "tuple", "set", "arraylist"), "array"),
    **dict.fromkeys(("str", "text", "char"), "string"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("int", "long", "short", "byte", "bigint"), "integer"),
    **dict.fromkeys(("none", "nonetype"), "null"),
    "bool": "boolean",
    "any": None,
    "type_unspecified": None,
}
# Keywords with their values.
_Pairs = Iterator[tuple[str, Json]]
_TEXTS = frozenset({"description", "title", "$comment"})


def checked_schema(schema: object, place: Place, problems: Problems) -> Schema | None:
    """Return the schema of a tool's arguments in draft 2020-12, or refuse it and return None.

    `schema` is plain JSON. In the result types have the names of JSON Schema, references stay inside,
    and descriptions hold nothing invisible.
    """
    if not isinstance(schema, dict):
        problems.refuse(f"the schema is {shown(schema)}, and no object", place)
        return None
    num_before = problems.num_refused
    draft = _draft(schema.get("$schema"), place / "$schema", problems)
    if sum(1 for _ in all_schemas(schema)) > MAX_PARTS:
        message = f"the schema has more than {MAX_PARTS} schemas in it"
        problems.refuse(message, place, hint="describe fewer arguments")
        return None

    def place_of(way: tuple[str | int, ...]) -> Place:
        return place.along(as_written(schema, way))

    adapted = with_pointers({"type": "object"} | _adapted(schema, place, problems, draft))
    _check_is_object(adapted, place, problems)
    _check_by_meta_schema(adapted, place_of, problems)
    check_references(adapted, place_of, problems)
    return adapted | {"type": "object"} if problems.num_refused == num_before else None


def _draft(dialect: object, place: Place, problems: Problems) -> int:
    """Return the draft of JSON Schema that a schema says it is written in."""
    draft = draft_of(dialect)
    if draft is None:
        message = f"AGX does not know the dialect {shown(dialect)}: the schema was read as draft 2020-12"
        problems.warn(message, place)
    return NEWEST if draft is None else draft


def _adapted(schema: Any, place: Place, problems: Problems, draft: int) -> Any:  # noqa: ANN401 - it may be true or false
    """Return the schema in draft 2020-12; anything else is left for the meta-schema to refuse."""
    if not isinstance(schema, dict):
        return schema
    adapted = {
        new_key: new_value
        for key, value in modern(schema, draft).items()
        for new_key, new_value in _adapted_keyword(key, value, place / key, problems, draft)
    }
    return _with_possible_enum(adapted, place, problems)


def _adapted_keyword(key: str, value: Json, place: Place, problems: Problems, draft: int) -> _Pairs:
    if key == "type":
        types = _types(value, place, problems)
        if types is not None:
            yield key, types
    elif key == "pattern" and isinstance(value, str):
        yield key, adapted_pattern(value, place, problems)
    elif key in _TEXTS and isinstance(value, str):
        yield key, cleaned(value, place, problems)
    elif (key in BY_NAME or key in DEFINED) and isinstance(value, dict):
        for name in value:
            check_parameter(name, place / name, problems)
        yield key, {name: _adapted(each, place / name, problems, draft) for name, each in value.items()}
    elif key in IN_LIST and isinstance(value, list):
        yield key, [_adapted(each, place / at, problems, draft) for at, each in enumerate(value)]
    else:
        yield key, _adapted(value, place, problems, draft) if key in ALONE else value


def _with_possible_enum(schema: Schema, place: Place, problems: Problems) -> Schema:
    """Return the schema with an `enum` that some value can have.

    Some lists of functions write the values of a list's items beside `items`, or texts such as "1" under
    the type integer. Where no value of an `enum` has the type, the values count.
    """
    values, types = schema.get("enum"), schema.get("type")
    if not isinstance(values, list) or not values or types is None:
        return schema
    if any(is_of_type(value, types) for value in values):
        return schema
    items = schema.get("items")
    if types == "array" and isinstance(items, dict) and "enum" not in items:
        problems.warn(
            "the values of `enum` are no lists: they were taken for those of its items", place / "enum"
        )
        kept = {key: value for key, value in schema.items() if key != "enum"}
        return kept | {"items": _with_possible_enum(items | {"enum": values}, place / "items", problems)}
    problems.warn(f"no value of `enum` is of the type {shown(types)}: the type was left out", place / "enum")
    return {key: value for key, value in schema.items() if key != "type"}


def _types(value: object, place: Place, problems: Problems) -> str | list[str] | None:
    """Return the value of `type` in the names of JSON Schema; None where any type will do."""
    names = value if isinstance(value, list) else [value]
    types: list[str] = []
    for name in names:
        folded = name.casefold() if isinstance(name, str) else ""
        if folded not in _TYPE_NAMES:
            problems.refuse(f"{shown(name)} is no type", place, hint=f"the types are {', '.join(TYPES)}")
            return None
        known = _TYPE_NAMES[folded]
        if known is None:
            return None
        types.append(known)
    return list(dict.fromkeys(types)) if isinstance(value, list) else types[0]


def _check_is_object(schema: Schema, place: Place, problems: Problems) -> None:
    types = schema["type"]
    if "object" not in (types if isinstance(types, list) else [types]):
        hint = 'arguments have names: {"type": "object", "properties": {…}}'
        problems.refuse("the schema is not that of an object", place, hint=hint)


def _check_by_meta_schema(schema: Schema, place_of: PlaceOf, problems: Problems) -> None:
    """Refuse what the meta-schema does not allow, once for each place; it covers regular expressions."""
    from agx.rules.schema_validator import schema_errors  # noqa: PLC0415 - only tools with schemas need it

    try:
        errors = {tuple(error.absolute_path): _sentence(error) for error in schema_errors(schema)}
    except RecursionError:
        problems.refuse("the schema is nested too deeply", place_of(()), hint="flatten the schema")
        return
    for way, message in sorted(errors.items(), key=lambda each: [str(step) for step in each[0]]):
        hint = "json-schema.org/draft/2020-12 says what each keyword takes"
        problems.refuse(f"the schema is no JSON Schema: {message[:200]}", place_of(way), hint=hint)


def _sentence(error: ValidationError) -> str:
    """Return what is wrong; of a regular expression, why it is none."""
    if error.validator == "format" and isinstance(error.instance, str):
        try:
            compiled(error.instance)
        except PatternError as reason:
            return str(reason)
    return error.message


def compiled_together(tools: Sequence[ToolInfo], *, check: SchemaCheck) -> Sequence[ToolInfo] | None:
    """Return the tools with what the constraint does not hold; None where one of them does not compile."""
    try:
        return check(tools)
    except RegistryInvalid:
        return None


def check_compiles(
    tools: Sequence[tuple[ToolInfo, Place]], problems: Problems, *, check: SchemaCheck
) -> list[ToolInfo]:
    """Return the tools with what the constraint does not hold, of which each gets one warning.

    Each comes with the place of its schema. One whose schema does not compile at all is refused.
    """
    fitted = [_checked_alone(tool, place, problems, check=check) for tool, place in tools]
    for tool, (_, place) in zip(fitted, tools, strict=True):
        warn_of_unheld(tool, place, problems)
    return fitted


def warn_of_unheld(tool: ToolInfo, place: Place, problems: Problems) -> None:
    """Name the keywords that a model is not held to in one warning, where there are any."""
    if tool.approximated or tool.left_out:
        problems.warn(_unheld(tool), place)


def _checked_alone(tool: ToolInfo, place: Place, problems: Problems, *, check: SchemaCheck) -> ToolInfo:
    try:
        return check([tool])[0]
    except RegistryInvalid as error:
        alone = ((str(error.details.get("pointer", "")), error.message),)
        for pointer, message in cast("Iterable[tuple[str, str]]", error.details.get("all", alone)):
            problems.refuse(message, place.along(pointer_steps(pointer)), hint=error.hint)
        return tool


def _unheld(tool: ToolInfo) -> str:
    """Return the sentence about the keywords that a model is not held to."""
    pointers = (*tool.approximated, *tool.left_out)
    names = [*dict.fromkeys(f"`{_keyword(pointer)}`" for pointer in pointers)]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"a model is not fully held to {listed} while it writes: the finished plan is checked for that"


def _keyword(pointer: str) -> str:
    """Return the keyword at a place, of a pattern that one which has it."""
    steps = pointer_steps(pointer)
    return steps[-2] if steps[-2:-1] == ("patternProperties",) else steps[-1]
