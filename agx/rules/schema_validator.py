"""JSON Schema (draft 2020-12) as AGX checks it: formats count, and patterns are those of ECMA-262.

`jsonschema` alone takes a pattern for one of Python's, in which `[0-9]` written short has the digits of all
scripts and `$` stands before a last line end. It also takes any text for a date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from agx.rules import formats
from agx.util.json_schema import Json
from agx.util.patterns import is_found

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker, ValidationError

    Validator = Draft202012Validator


def validator_of(schema: Mapping[str, Any]) -> Validator:
    """Return the validator of a schema, which fetches nothing: a reference to elsewhere raises."""
    from referencing import Registry  # noqa: PLC0415 - only tools with schemas need it

    return _kind()(dict(schema), registry=Registry(), format_checker=_all_formats())


def schema_errors(schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield what the meta-schema does not allow; it covers regular expressions."""
    kind = _kind()
    yield from kind(kind.META_SCHEMA, format_checker=_format_checker("regex")).iter_errors(schema)


@cache
def _kind() -> type[Draft202012Validator]:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - only tools with schemas need it

    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    extend: Any = validators.extend
    return cast("type[Draft202012Validator]", extend(Draft202012Validator, own))


@cache
def _all_formats() -> FormatChecker:
    return _format_checker(*formats.CHECKS)


@cache
def _format_checker(*names: str) -> FormatChecker:
    from jsonschema import FormatChecker  # noqa: PLC0415 - only tools with schemas need it

    checker = FormatChecker(formats=())
    for name in names:
        checker.checks(name)(_of_texts(name))
    return checker


def _of_texts(name: str) -> Any:  # noqa: ANN401 - what the library takes
    check = formats.CHECKS[name]
    return lambda value: not isinstance(value, str) or check(value)


def _error(message: str) -> ValidationError:
    from jsonschema import ValidationError  # noqa: PLC0415 - only tools with schemas need it

    return ValidationError(message)


def _pattern(_: Validator, pattern: str, value: Json, __: Json) -> Iterator[ValidationError]:
    if isinstance(value, str) and not is_found(pattern, value):
        yield _error(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Validator, patterns: Mapping[str, Json], value: Json, _: Json
) -> Iterator[ValidationError]:
    for pattern, schema in patterns.items() if isinstance(value, dict) else ():
        for name, part in value.items():
            if is_found(pattern, name):
                yield from validator.descend(part, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Validator, others: Json, value: Json, schema: Mapping[str, Json]
) -> Iterator[ValidationError]:
    names = [*_other_names(value, schema)] if isinstance(value, dict) else []
    if isinstance(others, Mapping):
        for name in names:
            yield from validator.descend(value[name], others, path=name)
    elif others is False and names:
        listed = ", ".join(repr(name) for name in names)
        were = "was" if len(names) == 1 else "were"
        yield _error(f"Additional properties are not allowed ({listed} {were} unexpected)")


def _other_names(value: Mapping[str, Json], schema: Mapping[str, Json]) -> Iterator[str]:
    """Yield the names that no property and no pattern of the schema is for."""
    listed, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in value:
        if name not in listed and not any(is_found(pattern, name) for pattern in patterns):
            yield name
