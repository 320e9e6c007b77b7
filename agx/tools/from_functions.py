"""Python functions as tools: type hints and docstring become a JSON Schema, by pydantic's own rules."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from pydantic import PydanticUserError, TypeAdapter, validate_call
from pydantic.errors import PydanticUndefinedAnnotation
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from agx.errors import RegistryInvalid
from agx.plan.schema import RISKS, Risk
from agx.plan.tools import Registry, ToolInfo
from agx.tools.docstrings import Docstring, parse_docstring
from agx.tools.entries import UNKNOWN_RISK
from agx.tools.plain import check_name, cleaned, plain
from agx.tools.problems import Place, Problems, refusal, warned
from agx.tools.tool_schemas import SchemaCheck, check_compiles, checked_schema

_HINT = "give every parameter a type hint that JSON can carry: str, int, list[str], an Enum, a dataclass, …"
_NO_NAMES = {
    inspect.Parameter.POSITIONAL_ONLY: "cannot be given by name",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values",
    inspect.Parameter.VAR_KEYWORD: "takes values of any name",
}
# What pydantic raises for types that it cannot describe, and `_Generator` for others that AGX refuses.
_UNDESCRIBED = (PydanticUserError, PydanticUndefinedAnnotation, TypeError, ValueError)


def registry_of_functions(
    functions: Iterable[Callable[..., Any]], *, check: SchemaCheck, risk: Iterable[Risk] = UNKNOWN_RISK
) -> Registry:
    """Return a registry of Python functions, each as `tool_from_function` describes it.

    `Registry.warnings` says what was taken out of descriptions.
    """
    risks, problems = tuple(risk), Problems()
    made = [_tool(function, problems, check=check) for function in functions]
    tools = [replace(tool, risk=_checked_risk(risks, tool.name)) for tool in made]
    return Registry.of(tools, warnings=warned("the registry", problems))


def tool_from_function(  # noqa: PLR0913  each says another thing about the tool
    function: Callable[..., Any],
    *,
    check: SchemaCheck,
    name: str | None = None,
    description: str | None = None,
    risk: Iterable[Risk] = UNKNOWN_RISK,
    category: str = "",
) -> ToolInfo:
    """Return the tool of a Python function, whose arguments are passed by name.

    The schema comes from the type hints, the description from the first paragraph of the docstring, and
    those of the parameters from its arguments section (Google's, NumPy's or Sphinx's style);
    `Annotated[…, Field(description=…)]` has precedence. `ToolInfo.call` takes arguments as JSON and
    converts them by the type hints. Raises `RegistryInvalid` for a function that JSON cannot call.
    """
    problems = Problems()
    tool = _tool(function, problems, check=check, name=name, description=description)
    shown_category = cleaned(category, Place().of(tool.name), problems)
    return replace(tool, risk=_checked_risk(risk, tool.name), category=shown_category)


def _tool(
    function: Callable[..., Any],
    problems: Problems,
    *,
    check: SchemaCheck,
    name: str | None = None,
    description: str | None = None,
) -> ToolInfo:
    if not callable(function):
        raise _refused(repr(function)[:80], "it is no function", hint="give a function")
    label = name if name is not None else _name(function)
    place = Place().of(label)
    check_name(label, place, problems)
    called = _with_hints(function, label)
    text = parse_docstring(inspect.getdoc(function.func if isinstance(function, partial) else function))
    schema = checked_schema(plain(_schema(called, text, label), place, problems), place, problems)
    summary = cleaned(text.summary if description is None else description, place, problems)
    tool = ToolInfo(name=label, description=summary, schema=schema, call=validate_call(called))
    if not problems.refused:
        [tool] = check_compiles([(tool, place)], problems, check=check)
    if problems.refused:
        raise refusal("the registry", problems)
    return tool


def _checked_risk(risk: Iterable[Risk], label: str) -> tuple[Risk, ...]:
    given = set((risk,) if isinstance(risk, str) else risk)
    if not given or not given <= set(RISKS):
        raise _refused(
            label, f"its risk is none of {', '.join(RISKS)}", hint='give them as a list: ["reads"]'
        )
    return tuple(word for word in RISKS if word in given)


def _name(function: Callable[..., Any]) -> str:
    inner = function.func if isinstance(function, partial) else function
    name = getattr(inner, "__name__", "")
    if not name.isidentifier():
        raise _refused(repr(inner)[:80], "it has no name of its own", hint="give one: name=…")
    return str(name)


def _with_hints(function: Callable[..., Any], label: str) -> Callable[..., Any]:
    """Return a function that calls this one, with its type hints as types instead of texts.

    Texts would be evaluated in the wrong module.
    """
    if inspect.isclass(function):
        raise _refused(label, "it is a class", hint="give a function, or a method of an object")
    try:
        signature = inspect.signature(function)
        hints = typing.get_type_hints(_hinted(function), include_extras=True)
    except (NameError, AttributeError) as error:
        hint = "import the types where the program runs, not only for type checkers"
        raise _refused(label, f"a type hint cannot be resolved: {error}", hint=hint) from error
    except (TypeError, ValueError) as error:
        raise _refused(
            label, f"its signature cannot be read: {error}", hint="wrap it in a function of yours"
        ) from error
    for parameter in signature.parameters.values():
        if parameter.kind in _NO_NAMES:
            message = f"its parameter {str(parameter).partition(':')[0]} {_NO_NAMES[parameter.kind]}"
            raise _refused(label, message)
        if parameter.name not in hints:
            raise _refused(label, f"its parameter {parameter.name} has no type hint")
    return _caller(function, label, signature, hints)


def _hinted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what has the hints: the function in a partial, or the method of a callable object."""
    inner = inspect.unwrap(function.func if isinstance(function, partial) else function)
    return inner if inspect.isroutine(inner) else type(inner).__call__


def _caller(
    function: Callable[..., Any], label: str, signature: inspect.Signature, hints: Mapping[str, Any]
) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        async def called(**arguments: object) -> object:
            return await function(**arguments)

    else:

        def called(**arguments: object) -> object:  # type: ignore[misc]  # the other one, or this
            return function(**arguments)

    parameters = [each.replace(annotation=hints[each.name]) for each in signature.parameters.values()]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    called.__name__, called.__doc__, called.__module__ = label, function.__doc__, function.__module__
    return called


def _schema(called: Callable[..., Any], text: Docstring, label: str) -> dict[str, Any]:
    try:
        schema = _described(called)
    except RecursionError:
        hint = "name the type with typing_extensions.TypeAliasType, or take pydantic.JsonValue"
        raise _refused(label, "a type hint holds itself", hint=hint) from None
    except _UNDESCRIBED as error:
        raise _refused(label, _culprit(called) or _first_sentence(error)) from error
    for parameter, words in text.parameters.items():
        if parameter in schema["properties"]:
            schema["properties"][parameter] = {"description": words} | schema["properties"][parameter]
    return schema


def _described(form: object) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", form))
    return adapter.json_schema(schema_generator=_Generator)


def _culprit(called: Callable[..., Any]) -> str | None:
    """Return the name of the parameter that cannot be described; pydantic does not say."""
    for name, hint in called.__annotations__.items():
        try:
            _described(hint)
        except _UNDESCRIBED as error:
            return f"the type of its parameter {name} cannot be given in JSON: {_first_sentence(error)}"
    return None


def _first_sentence(error: Exception) -> str:
    return str(error).partition("\n")[0].partition(". ")[0].rstrip(".")


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas, without a title for every parameter, and with errors instead of left-out types."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        """Return False: a title would repeat the parameter's name."""
        return False

    def is_subclass_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's signature
        """Refuse a parameter that is a class, for which pydantic would let anything through."""
        raise ValueError(f"a class ({schema['cls'].__name__}) is no value of JSON")

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Refuse a type that pydantic would leave out of a union; a missing default does no harm."""
        if kind == "skipped-choice":
            raise ValueError(detail)


def _refused(label: str, reason: str, *, hint: str = _HINT) -> RegistryInvalid:
    return RegistryInvalid(f"{label} cannot be a tool: {reason}", hint=hint, tool=label)
