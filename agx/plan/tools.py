"""Tools and the registry: what a plan may call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agx.errors import RegistryInvalid
from agx.plan.schema import Risk

MAX_TOOLS = 1000


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """The options of a command, as they are written (`-n`, `--name`): those whose value is of a kind.

    The first four sets take a value: a pattern of the tool's own, a path, a command, or anything
    else. Those in `joined` are short options whose value, where they have one, is joined to them
    (`-i.bak`), so the next word is not a value. `known` is every option there is, where all of them
    are written down, and otherwise None; `-NUM` in it stands for any number (`head -5`).

    `syntax` is "letters" where short options may share a dash (`-rf`), "leading" where besides the
    options end at the first operand (`xargs -0 rm -f`), and "words" where a whole word follows the
    dash (`find -name`).
    """

    pattern: frozenset[str] = frozenset()
    file: frozenset[str] = frozenset()
    command: frozenset[str] = frozenset()
    value: frozenset[str] = frozenset()
    known: frozenset[str] | None = None
    joined: frozenset[str] = frozenset()
    syntax: Literal["letters", "leading", "words"] = "letters"

    def takes_value(self, option: str) -> bool:
        """Return whether the word after this option is its value."""
        return any(option in kind for kind in (self.value, self.file, self.pattern, self.command))


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """One tool: a Unix command, or with `schema` (a JSON Schema) a function with named arguments.

    `risk` is the lowest class the tool has when nothing dangerous is in its arguments. `exit_codes`
    are those of success (`grep` ends with 1 where nothing matched). `options` are given
    where a registry says them; `agx.unix.options.options_of` knows those of the Unix commands too.
    `call` is the Python function behind a tool that was made of one. `approximated` and `left_out` are JSON
    pointers to keywords of the schema that a model is held to in part, and not at all, while it writes;
    its plans are checked for them afterwards.
    """

    name: str
    description: str = ""
    reads_stdin: bool = False
    risk: tuple[Risk, ...] = ("reads",)
    builtin: bool = False
    schema: Mapping[str, Any] | None = None
    category: str = ""
    exit_codes: tuple[int, ...] = (0,)
    options: ToolOptions | None = None
    call: Callable[..., Any] | None = field(default=None, repr=False)
    approximated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """The tools that may be called, by name, in a fixed order. `kind` is "unix" or "custom".

    `warnings` are sentences about what was changed while it was read from a file.
    Two registries are equal when they are the same one, so what is made of one can be kept.
    """

    kind: str
    tools: Mapping[str, ToolInfo] = field(repr=False)
    warnings: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls, tools: Iterable[ToolInfo], *, kind: str = "custom", warnings: tuple[str, ...] = ()
    ) -> Registry:
        """Make a registry; raises `RegistryInvalid` for a name that stands twice, no tools, or too many."""
        by_name: dict[str, ToolInfo] = {}
        for tool in tools:
            if tool.name in by_name:
                message = f"the tool {tool.name!r} is in the registry twice"
                raise RegistryInvalid(message, hint="give every tool its own name", tool=tool.name)
            by_name[tool.name] = tool
        if len(by_name) > MAX_TOOLS:
            message = f"the registry has {len(by_name)} tools; {MAX_TOOLS} are allowed"
            raise RegistryInvalid(message, hint="leave tools out")
        if not by_name:
            raise RegistryInvalid("the registry has no tools", hint="add at least one tool")
        return cls(kind=kind, tools=by_name, warnings=warnings)

    def __contains__(self, name: object) -> bool:
        return name in self.tools

    def __iter__(self) -> Iterator[ToolInfo]:
        return iter(self.tools.values())

    def __len__(self) -> int:
        return len(self.tools)

    def get(self, name: str) -> ToolInfo | None:
        """Return the tool of that name, or None."""
        return self.tools.get(name)
