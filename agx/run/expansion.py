"""Typed values become arguments: what a shell would expand is expanded here.

It differs from `sh` where a shell surprises people: a file name that begins with a dash gets `./` in front,
words of an output are never patterns, an unset variable is an error, and so is a NUL in an output. An empty
variable or output is an error where it begins a path of a task that does more than read (`empty_values`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from agx.plan.schema import Argument, Env, Glob, Task, TaskOutput, Text
from agx.run.empty_values import Guard, changes_place
from agx.run.globbing import PatternPiece, TooManyNames, matching_names
from agx.run.record import TaskProblem
from agx.util.texts import shortened

_MAX_SHOWN_CHARS = 80
_BLANKS = re.compile(r"[ \t\n]+")  # IFS as a shell sets it


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What values are expanded with; `output_of` returns a task's output as text or raises `TaskProblem`."""

    folder: Path
    environ: Mapping[str, str]
    output_of: Callable[[int], str]


class Expanded(NamedTuple):
    """The arguments of a task, and notes about their expansion."""

    args: tuple[str, ...]
    notes: tuple[str, ...]


def expand(
    items: Sequence[Argument], around: Surroundings, *, guards: Sequence[Guard | None] | None = None
) -> Expanded:
    """Expand arguments of a task; raises `TaskProblem`. `guards` are those of the arguments, if any."""
    expansion = _Expansion(around)
    args: list[str] = []
    for item, guard in zip(items, guards or [None] * len(items), strict=True):
        args += expansion.argument(item, guard)
    return Expanded(tuple(args), tuple(expansion.notes))


def variables(task: Task) -> Iterator[str]:
    """Yield the names of the variables that a task's arguments use."""
    for item in task.args:
        parts = item.text if isinstance(item, Text) else (item,)
        yield from (part.env for part in parts if isinstance(part, Env))


def depends_on_output(item: Argument) -> bool:
    """Return whether an argument is known only once another task has run."""
    parts = item.text if isinstance(item, Text) else (item,)
    return any(isinstance(part, TaskOutput) for part in parts)


class _Expansion:
    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.notes: list[str] = []

    def argument(self, item: Argument, guard: Guard | None) -> list[str]:
        if isinstance(item, str):
            return [item]
        if isinstance(item, TaskOutput) and item.split:
            words = [word for word in _BLANKS.split(self._output(item)) if word]
            if guard is not None and not words:
                raise _is_empty(item)
            return words
        parts = item.text if isinstance(item, Text) else (item,)
        pieces = [self._piece(part) for part in parts]
        if guard is not None:
            refuse_empty(parts, [piece.text for piece in pieces], guard)
        if any(isinstance(part, Glob) for part in parts):
            return self._names(pieces)
        return ["".join(piece.text for piece in pieces)]

    def _piece(self, part: str | Glob | Env | TaskOutput) -> PatternPiece:
        if isinstance(part, Glob):
            return PatternPiece(part.glob, is_open=True)
        if isinstance(part, Env):
            return PatternPiece(self._variable(part.env), is_open=False)
        return PatternPiece(part if isinstance(part, str) else self._output(part), is_open=False)

    def _names(self, pieces: list[PatternPiece]) -> list[str]:
        """Return the matching names, or the pattern itself where nothing matches, as a shell does.

        A matching name that begins with a dash gets `./` in front. A pattern without a match does so only
        where the dash is its own: `{"text": ["-I", {"glob": "a/*"}]}` begins with an option.
        """
        pattern = "".join(piece.text for piece in pieces)
        try:
            names = matching_names(pieces, self._around.folder)
        except TooManyNames:
            raise TaskProblem(
                f"the pattern {pattern} leads through too many files",
                hint="begin it with a folder, or let find look for them",
            ) from None
        except ValueError:
            raise TaskProblem(f"the pattern {pattern!a} is no path", hint="no file has such a name") from None
        if names:
            return [_as_path(name) for name in names]
        if names == []:
            self.notes.append(f"no file matches {pattern}: the pattern itself is passed, as a shell does")
        return [_as_path(pattern) if pieces[0].is_open else pattern]

    def _variable(self, name: str) -> str:
        if name not in self._around.environ:
            raise TaskProblem(f"the variable {name} is not set", hint=f"set it: {name}=… agx run …")
        return self._around.environ[name]

    def _output(self, value: TaskOutput) -> str:
        text = self._around.output_of(value.task)
        if "\0" in text:
            raise TaskProblem(
                f"the output of task {value.task} has a NUL character, which no argument can hold",
                hint="read it with input_from_task instead",
            )
        return text


def refuse_empty_variables(item: Argument, environ: Mapping[str, str], guard: Guard) -> None:
    """Raise `TaskProblem` where a path begins with an empty variable, whatever outputs there will be."""
    parts = item.text if isinstance(item, Text) else (item,)
    texts = [
        environ[part.env] if isinstance(part, Env) else part.glob if isinstance(part, Glob) else str(part)
        for part in parts
    ]
    refuse_empty(parts, texts, guard)


def refuse_empty(parts: Sequence[Argument], texts: Sequence[str], guard: Guard) -> None:
    """Raise `TaskProblem` where an empty variable or an empty output makes another path."""
    for place, (part, text) in enumerate(zip(parts, texts, strict=True)):
        if isinstance(part, Env | TaskOutput) and not text and changes_place(parts, texts, place, guard):
            raise _is_empty(part, "".join(texts[:place]), "".join(texts))


def _is_empty(part: Env | TaskOutput, before: str = "", whole: str = "") -> TaskProblem:
    what, do = (
        (f"the variable {part.env} is", f"set it: {part.env}=… agx run …")
        if isinstance(part, Env)
        else (f"the output of task {part.task} is", "see why that task printed nothing")
    )
    if before.endswith("/"):
        shown = shortened(whole, _MAX_SHOWN_CHARS)
        return TaskProblem(f"{what} empty, and a name in a path is only that: {shown} is left", hint=do)
    return TaskProblem(f"{what} empty, and a path begins with it: that would be another place", hint=do)


def _as_path(name: str) -> str:
    """Return a file's name in a form that no program takes for an option."""
    return f"./{name}" if name.startswith("-") else name
