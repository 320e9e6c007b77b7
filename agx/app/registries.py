"""Registries of tools as programs and people make them: read, and checked against the constraint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from agx.errors import UsageError
from agx.util.frozen import dataclass
from agx.util.texts import nearest

if TYPE_CHECKING:
    from agx.plan.schema import Risk
    from agx.plan.tools import Registry, ToolInfo

# A tool that states no risk is not assumed to be harmless.
_UNKNOWN_RISK: tuple[Risk, ...] = ("runs_code",)


def registry_of(data: object, *, source: str = "the registry", strict: bool = False) -> Registry:
    """Make a registry of data as `json.loads` returns it, in any form of `agx.tools.registry_formats`.

    A tool that cannot be used is left out. `Registry.warnings` says so, and what else was changed. Raises
    `RegistryInvalid` where none is left, and if `strict` for any; its `details["problems"]` lists everything
    that is wrong: tool, JSON pointer, message and hint.
    """
    from agx.tools import entries  # noqa: PLC0415  heavy, and few programs need it

    return entries.registry_of(data, source=source, check=_check_tools, strict=strict)


def load_registry(path: str | PathLike[str], *, strict: bool = False) -> Registry:
    """Read a registry from a file: TOML by its ending `.toml`, and otherwise JSON, one or one a line.

    What stands in it is described in `docs/registries.md`; an entry that is only the name of a Unix
    command stands for that command. Raises `RegistryInvalid` for a file that cannot be used, and as
    `registry_of` for its tools.
    """
    from agx.tools import registry_files  # noqa: PLC0415  as above

    return registry_files.load_registry(path, check=_check_tools, strict=strict)


def parse_registry(data: bytes, *, source: str, suffix: str = ".json", strict: bool = False) -> Registry:
    """Make a registry of the bytes of a file; `suffix` says which form it has. Raises as `load_registry`."""
    from agx.tools import registry_files  # noqa: PLC0415  as above

    return registry_files.parse_registry(
        data, source=source, suffix=suffix, check=_check_tools, strict=strict
    )


def registry_of_files(files: Sequence[str], *, strict: bool = False) -> Registry:
    """Return the tools of the files, or without any the built-in ones; raises as `load_registry`.

    Of tools with the same name that of the last file counts.
    """
    if not files:
        from agx.unix.registry import unix_registry  # noqa: PLC0415  imports pydantic

        return unix_registry()
    from agx.tools.selection import merge_registries  # noqa: PLC0415  few have such a file

    return merge_registries(*(load_registry(file, strict=strict) for file in files))


def registry_of_functions(
    functions: Iterable[Callable[..., Any]], *, risk: Iterable[Risk] = _UNKNOWN_RISK
) -> Registry:
    """Make a registry of Python functions, each as `tool_from_function` makes a tool of it.

    `Registry.warnings` says what was taken out of descriptions.
    """
    from agx.tools import from_functions  # noqa: PLC0415  as above

    return from_functions.registry_of_functions(functions, risk=risk, check=_check_tools)


def tool_from_function(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    risk: Iterable[Risk] = _UNKNOWN_RISK,
    category: str = "",
) -> ToolInfo:
    """Make a tool of a Python function, whose arguments are given by name.

    The schema comes from the type hints (whatever pydantic can describe), the description from the
    first paragraph of the docstring, and those of the parameters from its section of arguments in
    Google's, NumPy's or Sphinx's style; `Annotated[…, Field(description=…)]` goes before them.
    `ToolInfo.call` is the function: it takes arguments as JSON has them, and turns them into what
    the type hints say. Raises `RegistryInvalid` for a function that cannot be called by JSON.
    """
    from agx.tools import from_functions  # noqa: PLC0415  as above

    return from_functions.tool_from_function(
        function, name=name, description=description, risk=risk, category=category, check=_check_tools
    )


def _check_tools(tools: Iterable[ToolInfo]) -> Sequence[ToolInfo]:
    from agx.grammar.tool_check import check_tools  # noqa: PLC0415  only tools with schemas need it

    return check_tools(tools)


@dataclass(frozen=True, slots=True)
class ToolFilter:
    """What a tool must have to be listed: all words somewhere, the category, the mark, a file on PATH."""

    words: tuple[str, ...] = ()
    category: str | None = None
    mark: str | None = None
    on_path: bool = False

    def of(self, registry: Registry) -> list[ToolInfo]:
        """Return the tools that fit; raises `UsageError` for a category or mark that no tool can have."""
        from agx.plan.schema import RISKS  # noqa: PLC0415  imports pydantic

        categories = {tool.category for tool in registry if tool.category}
        for what, given, known in (("category", self.category, categories), ("risk mark", self.mark, RISKS)):
            if given is not None and given not in known:
                hint = f"there are {', '.join(sorted(known))}" if known else "no tool here has one"
                raise UsageError(f"there is no {what} {given!r}{nearest(given, known)}", hint=hint)
        return [tool for tool in registry if self._fits(tool)]

    def _fits(self, tool: ToolInfo) -> bool:
        text = f"{tool.name} {tool.description} {tool.category}".casefold()
        return (
            all(word.casefold() in text for word in self.words)
            and self.category in {None, tool.category}
            and (self.mark is None or self.mark in tool.risk)
            and (not self.on_path or _is_here(tool))
        )


def _is_here(tool: ToolInfo) -> bool:
    from agx.tools.selection import is_here  # noqa: PLC0415  as above

    return is_here(tool)
