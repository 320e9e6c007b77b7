"""From entries of a registry to tools: every key is checked, and problems are collected, not raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from agx.plan.schema import RISKS, Risk
from agx.plan.tools import MAX_TOOLS, Registry, ToolInfo, ToolOptions
from agx.tools.plain import check_name, cleaned, plain
from agx.tools.problems import Place, Problems, refusal, shown, warned
from agx.tools.registry_formats import Row, ToolEntry, entry, name_of, rows
from agx.tools.tool_schemas import SchemaCheck, check_compiles, checked_schema
from agx.unix.registry import unix_registry
from agx.util.texts import nearest

MAX_EXIT_CODE = 255
# A tool that states no risk is not assumed to be harmless.
UNKNOWN_RISK: tuple[Risk, ...] = ("runs_code",)
_OPTION_KINDS = ("pattern", "file", "command", "value", "known", "joined")
_SYNTAXES = ("letters", "leading", "words")
_OPTIONS_HINT = 'options are listed by what their values are: {"pattern": ["-name"], "file": ["-f"], …}'


def registry_of(data: object, *, check: SchemaCheck, source: str = "the registry") -> Registry:
    """Return a registry of data from `json.loads`, in any form of `agx.tools.registry_formats`.

    `Registry.warnings` says what was changed on the way. Raises `RegistryInvalid`, with all problems in
    `details["problems"]`: tool, JSON pointer, message and hint.
    """
    return registry_of_documents([(data, Place())], source=source, check=check)


def registry_of_documents(
    documents: Iterable[tuple[object, Place]], *, source: str, check: SchemaCheck
) -> Registry:
    """Return one registry of several documents, such as the lines of a file; raises `RegistryInvalid`."""
    problems = Problems()
    every = (row for document, place in documents for row in rows(document, place, problems))
    listed = list(islice(every, MAX_TOOLS + 1))
    if len(listed) > MAX_TOOLS:
        problems.refuse(f"it lists more than {MAX_TOOLS} tools", Place(), hint="leave tools out")
    elif not listed and not problems.refused:
        problems.refuse("it lists no tools", Place())
    tools = _tools(listed, problems) if len(listed) <= MAX_TOOLS else []
    fitted = check_compiles(tools, problems, check=check)
    if problems.refused:
        raise refusal(source, problems)
    return Registry.of(fitted, warnings=warned(source, problems))


def _tools(listed: Iterable[Row], problems: Problems) -> list[tuple[ToolInfo, Place]]:
    """Return the usable tools, each with the place of its schema."""
    tools: list[tuple[ToolInfo, Place]] = []
    names: set[str] = set()
    for row in listed:
        name = name_of(row)
        place = row.place if name is None else row.place.of(name)
        known = _tool(replace(row, place=place), problems)
        if name in names:
            hint = "give every tool its own name"
            problems.refuse("a tool of this name stands above already", place, hint=hint)
        elif known is not None:
            tools.append(known)
        if name is not None:
            names.add(name)
    return tools


def _tool(row: Row, problems: Problems) -> tuple[ToolInfo, Place] | None:
    """Return the tool of a row and the place of its schema, or None where anything was refused."""
    num_before = problems.num_refused
    value = plain(row.value, row.place, problems)
    if problems.num_refused > num_before:
        return None
    if isinstance(value, str) and row.name is None:
        known = _built_in(value, row.place, problems)
        return None if known is None else (known, row.place)
    listed = entry(replace(row, value=value), problems)
    tool = None if listed is None else _from_entry(listed, problems)
    if listed is None or tool is None or problems.num_refused > num_before:
        return None
    return tool, listed.schema_place


def _built_in(name: str, place: Place, problems: Problems) -> ToolInfo | None:
    tool = unix_registry().get(name)
    if tool is None:
        near = nearest(name[:40], unix_registry().tools)
        hint = "`agx tools list` shows the built-in ones; one of your own is an object with a `name`"
        problems.refuse(f"there is no built-in tool {shown(name)}{near}", place, hint=hint)
    return tool


def _from_entry(known: ToolEntry, problems: Problems) -> ToolInfo | None:
    fields, place = known.fields, known.place
    name = fields.get("name")
    if not check_name(name, place / "name", problems):
        return None
    schema = None
    if known.schema is not None:
        schema = checked_schema(known.schema, known.schema_place, problems)
    return ToolInfo(
        name=str(name),
        description=_text(fields, "description", place, problems),
        reads_stdin=_flag(fields, "reads_stdin", place, problems),
        risk=_risk(fields.get("risk", UNKNOWN_RISK), place / "risk", problems),
        builtin=_flag(fields, "builtin", place, problems),
        schema=schema,
        category=_text(fields, "category", place, problems),
        exit_codes=_exit_codes(fields.get("exit_codes", (0,)), place / "exit_codes", problems),
        options=_options(fields.get("options"), place / "options", problems),
    )


def _text(fields: Mapping[str, Any], key: str, place: Place, problems: Problems) -> str:
    text = fields.get(key)
    if text is None:
        return ""
    if not isinstance(text, str):
        problems.refuse(f"the {key} is {shown(text)}, and no text", place / key)
        return ""
    return cleaned(text, place / key, problems)


def _flag(fields: Mapping[str, Any], key: str, place: Place, problems: Problems) -> bool:
    flag = fields.get(key, False)
    if not isinstance(flag, bool):
        problems.refuse(f"`{key}` is {shown(flag)}, and neither true nor false", place / key)
    return flag is True


def _risk(risk: object, place: Place, problems: Problems) -> tuple[Risk, ...]:
    if not isinstance(risk, (list, tuple)) or not risk or any(item not in RISKS for item in risk):
        problems.refuse(f"`risk` is a list of one or more of {', '.join(RISKS)}", place)
        return UNKNOWN_RISK
    return tuple(item for item in RISKS if item in risk)


def _exit_codes(codes: object, place: Place, problems: Problems) -> tuple[int, ...]:
    if not isinstance(codes, (list, tuple)) or not codes or not all(map(_is_exit_code, codes)):
        problems.refuse(f"`exit_codes` is a list of numbers from 0 to {MAX_EXIT_CODE}", place)
        return (0,)
    return tuple(sorted(set(codes)))


def _is_exit_code(code: object) -> bool:
    return isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= MAX_EXIT_CODE


def _options(options: object, place: Place, problems: Problems) -> ToolOptions | None:
    if options is None:
        return None
    if not isinstance(options, dict):
        problems.refuse(f"`options` is {shown(options)}, and no object", place, hint=_OPTIONS_HINT)
        return None
    for kind in sorted(options.keys() - {*_OPTION_KINDS, "syntax"}):
        problems.refuse(f"options of the kind {shown(kind)} are unknown", place / kind, hint=_OPTIONS_HINT)
    read: dict[str, Any] = {}
    for kind in (kind for kind in _OPTION_KINDS if kind in options):
        names = options[kind]
        if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
            read[kind] = frozenset(names)
        else:
            problems.refuse(f"`{kind}` is no list of options", place / kind, hint=_OPTIONS_HINT)
    if options.get("syntax", "letters") in _SYNTAXES:
        return ToolOptions(**read, syntax=options.get("syntax", "letters"))
    problems.refuse(f"`syntax` is one of {', '.join(_SYNTAXES)}", place / "syntax", hint=_OPTIONS_HINT)
    return None
