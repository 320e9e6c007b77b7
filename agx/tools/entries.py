"""From entries of a registry to tools: every key is checked, and problems are collected, not raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from agx.plan.schema import RISKS, Risk
from agx.plan.tools import MAX_TOOLS, Registry, ToolInfo, ToolOptions
from agx.tools.foreign_lists import has_mark, ignored_sentence
from agx.tools.plain import check_name, cleaned, plain
from agx.tools.problems import Place, Problems, refusal, shown, warned
from agx.tools.registry_formats import Row, ToolEntry, entry, has_more_pages, name_of, rows
from agx.tools.tool_schemas import (
    SchemaCheck,
    check_compiles,
    checked_schema,
    compiled_together,
    warn_of_unheld,
)
from agx.unix.registry import unix_registry
from agx.util.texts import nearest

MAX_EXIT_CODE = 255
# A tool that states no risk is not assumed to be harmless.
UNKNOWN_RISK: tuple[Risk, ...] = ("runs_code",)
_OPTION_KINDS = ("pattern", "file", "command", "value", "known", "joined")
_SYNTAXES = ("letters", "leading", "words")
_OPTIONS_HINT = 'options are listed by what their values are: {"pattern": ["-name"], "file": ["-f"], …}'


def registry_of(
    data: object, *, check: SchemaCheck, source: str = "the registry", strict: bool = False
) -> Registry:
    """Return a registry of data from `json.loads`, in any form of `agx.tools.registry_formats`.

    A tool that cannot be used is left out, which `Registry.warnings` says, as what was changed on the way.
    Raises `RegistryInvalid`, with all problems in `details["problems"]`: tool, JSON pointer, message and
    hint. It is raised where the list as a whole is wrong, where no tool is left, and if `strict` for any.
    """
    return registry_of_documents([(data, Place())], source=source, check=check, strict=strict)


def registry_of_documents(
    documents: Sequence[tuple[object, Place]],
    *,
    source: str,
    check: SchemaCheck,
    strict: bool = False,
    is_foreign: bool = False,
) -> Registry:
    """Return one registry of several documents, such as the lines of a file; raises as `registry_of`.

    `is_foreign` says that they are another form than AGX's own, whatever stands in them.
    """
    problems = Problems()
    every = (
        row for document, place in documents for row in rows(document, place, problems, is_foreign=is_foreign)
    )
    listed = list(islice(every, MAX_TOOLS + 1))
    if len(listed) > MAX_TOOLS:
        problems.refuse(f"it lists more than {MAX_TOOLS} tools", Place(), hint="leave tools out")
    elif not listed and not problems.refused:
        problems.refuse("it lists no tools", Place())
    read = [] if len(listed) > MAX_TOOLS else _read(listed, check=check)
    _add_notes(documents, read, problems)
    tools = _settled(read, problems, strict=strict)
    if problems.refused:
        raise refusal(source, problems)
    return Registry.of(tools, warnings=warned(source, problems))


@dataclass(slots=True)
class _ReadTool:
    """What was read of a row: the tool where it can be used, with the place of its schema."""

    problems: Problems = field(default_factory=Problems)
    tool: ToolInfo | None = None
    place: Place = field(default_factory=Place)
    ignored: frozenset[str] = frozenset()


def _settled(read: Sequence[_ReadTool], problems: Problems, *, strict: bool) -> list[ToolInfo]:
    """Return the tools that can be used; what was refused of the others is added to the problems."""
    tools = [each.tool for each in read if each.tool is not None and not each.problems.refused]
    for each in read:
        if each.problems.refused and tools and not strict:
            problems.leave_out(each.problems)
        else:
            problems.add(each.problems)
    if not tools and read and not problems.refused:  # every one is a service's own
        problems.refuse(f"it has no tool to plan with: {problems.warnings[0].message}", Place())
    return tools


def _add_notes(
    documents: Sequence[tuple[object, Place]], read: Iterable[_ReadTool], problems: Problems
) -> None:
    """Warn of what is said of the list as a whole."""
    ignored = frozenset[str]().union(*(each.ignored for each in read))
    if ignored:
        problems.warn(ignored_sentence(ignored), Place())
    if documents and has_more_pages(documents[-1][0]):
        problems.warn("the server has more tools: its answer names a next page (`nextCursor`)", Place())


def _read(listed: Sequence[Row], *, check: SchemaCheck) -> list[_ReadTool]:
    """Return what was read of each row, in their order."""
    is_foreign = any(row.is_foreign or has_mark(row.value) for row in listed)
    names: set[str] = set()
    read = [_read_row(replace(row, is_foreign=is_foreign), names) for row in listed]
    _check_compile(read, check=check)
    return read


def _read_row(row: Row, names: set[str]) -> _ReadTool:
    """Read one row, and add its name to those that are taken."""
    name = name_of(row)
    row = replace(row, place=row.place if name is None else row.place.of(name))
    read = _tool(row)
    if name in names:
        hint = "give every tool its own name"
        read.problems.refuse("a tool of this name stands above already", row.place, hint=hint)
    if name is not None:
        names.add(name)
    return read


def _check_compile(read: Iterable[_ReadTool], *, check: SchemaCheck) -> None:
    """Note of each tool what the constraint does not hold; refuse one whose schema does not compile."""
    usable = [(each, each.tool) for each in read if each.tool is not None and not each.problems.refused]
    together = compiled_together([tool for _, tool in usable], check=check)
    for at, (each, tool) in enumerate(usable):
        if together is not None:
            each.tool = together[at]
            warn_of_unheld(together[at], each.place, each.problems)
        else:
            [each.tool] = check_compiles([(tool, each.place)], each.problems, check=check)


def _tool(row: Row) -> _ReadTool:
    """Read the tool of a row; there is none where anything was refused."""
    read = _ReadTool()
    problems = read.problems
    value = plain(row.value, row.place, problems)
    if problems.refused:
        return read
    if isinstance(value, str) and row.name is None:
        read.tool, read.place = _built_in(value, row, problems), row.place
        return read
    listed = entry(replace(row, value=value), problems)
    if listed is not None:
        read.tool = _from_entry(listed, problems)
        read.place, read.ignored = listed.schema_place, listed.ignored
    return read


def _built_in(name: str, row: Row, problems: Problems) -> ToolInfo | None:
    place = row.place
    if row.is_foreign:
        hint = "in a list of another form a tool is an object; name commands in a file of their own"
        problems.refuse(f"{shown(name)} alone stands for a command, in AGX's own form only", place, hint=hint)
        return None
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
