"""Problems of a registry, collected while it is read: each with the tool's name and the place in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from agx.errors import RegistryInvalid
from agx.util.json_schema import pointer_step
from agx.util.texts import shortened, visible

_MAX_PROBLEMS = 100
_MAX_SHOWN_CHARS = 80
# A longer name or key does not make it easier to find.
_MAX_STEP_CHARS = 200
# Python refuses to write larger numbers in decimal.
_MAX_SHOWN_BITS = 1024
_HINT = (
    'a registry is {"tools": [{"name": …, "description": …, "schema"?: …, "reads_stdin"?: …, "risk"?: […]}]}'
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a registry: a JSON pointer (RFC 6901), the line of JSON lines, and the tool's name.

    Overlong names and keys are shortened.
    """

    pointer: str = ""
    line: int | None = None
    tool: str | None = None

    def __truediv__(self, key: object) -> Place:
        return replace(self, pointer=self.pointer + pointer_step(shortened(str(key), _MAX_STEP_CHARS)))

    def along(self, steps: Iterable[object]) -> Place:
        """Return the place that these keys lead to from here."""
        place = self
        for step in steps:
            place /= step
        return place

    def of(self, tool: str) -> Place:
        """Return the same place with the name of the tool it belongs to."""
        return replace(self, tool=shortened(tool, _MAX_STEP_CHARS))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something is refused, or what was changed: a sentence, its place, and a hint."""

    message: str
    place: Place
    hint: str = _HINT

    def sentence(self) -> str:
        """Return the sentence behind its place: `line 3: weather, /0/schema: …`."""
        where = ", ".join(part for part in (self.place.tool, self.place.pointer) if part)
        line = f"line {self.place.line}: " if self.place.line is not None else ""
        return visible(line + (f"{where}: " if where else "") + self.message)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        line = {} if self.place.line is None else {"line": self.place.line}
        named = {"tool": self.place.tool, "pointer": self.place.pointer, "message": self.message}
        return line | named | {"hint": self.hint}


@dataclass(slots=True)
class Problems:
    """Collects problems while a registry is read: what is refused, and what is only a warning."""

    num_refused: int = 0
    num_warned: int = 0
    refused: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def refuse(self, message: str, place: Place, *, hint: str = _HINT) -> None:
        """Note a refusal. All are counted, and the first hundred are kept."""
        self.num_refused += 1
        if len(self.refused) < _MAX_PROBLEMS:
            self.refused.append(Problem(message, place, hint))

    def warn(self, message: str, place: Place) -> None:
        """Note a warning about what was changed, as `refuse` does."""
        self.num_warned += 1
        if len(self.warnings) < _MAX_PROBLEMS:
            self.warnings.append(Problem(message, place, ""))

    def add(self, others: Problems) -> None:
        """Add what another collector has."""
        self.num_refused += others.num_refused
        self.num_warned += others.num_warned
        self.refused += others.refused[: _MAX_PROBLEMS - len(self.refused)]
        self.warnings += others.warnings[: _MAX_PROBLEMS - len(self.warnings)]

    def leave_out(self, others: Problems) -> None:
        """Warn of a tool that is left out for what was refused of it, and add what it was warned of."""
        first, num_more = others.refused[0], others.num_refused - 1
        more = f" (and {num_more} more)" if num_more else ""
        self.warn(f"it was left out: {first.message}{more}", first.place)
        self.add(Problems(num_warned=others.num_warned, warnings=others.warnings))


def refusal(source: str, problems: Problems) -> RegistryInvalid:
    """Return the error about the first problem, with all that were kept in its `details`."""
    first, num_others = problems.refused[0], problems.num_refused - 1
    more = f" (and {num_others} more)" if num_others else ""
    return RegistryInvalid(
        f"{source}: {first.sentence()}{more}",
        hint=first.hint + ("; `agx tools check FILE` lists every problem" if num_others else ""),
        problems=[problem.as_dict() for problem in problems.refused],
    )


def warned(source: str, problems: Problems) -> tuple[str, ...]:
    """Return the warnings as sentences, with the number of those that were not kept."""
    sentences = [f"{source}: {warning.sentence()}" for warning in problems.warnings]
    if num_more := problems.num_warned - len(sentences):
        sentences.append(f"{source}: {num_more} more warnings of this kind")
    return tuple(sentences)


def shown(value: object) -> str:
    """Return a shortened `repr` of a value, for sentences about it."""
    match value:
        case dict():
            return "an object" if value else "an empty object"
        case list():
            return "a list" if value else "an empty list"
        case int() if value.bit_length() > _MAX_SHOWN_BITS:
            return "a huge number"
        case _:
            return shortened(repr(value), _MAX_SHOWN_CHARS)


def pointer_steps(pointer: str) -> tuple[str, ...]:
    """Return the keys in a JSON pointer (RFC 6901); "", the whole document, has none."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
