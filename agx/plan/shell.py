"""Shell text to plan: a pipeline of simple commands becomes tasks, or `NotAPlan` says why not.

What a shell would expand becomes a typed value: an unquoted pattern `{"glob"}` (unless the tool
wants the pattern itself, see `agx.plan.patterns`), a variable `{"env"}`, a substitution tasks of
its own and `{"task"}` (unquoted: with `split`). `> file` is `save_to`, `>> file` `append_to`,
`< file` a `cat` before; `2>/dev/null` is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Any

from pydantic import ValidationError

from agx.plan.patterns import BIN_FOLDERS, PatternPlaces, has_wildcard
from agx.plan.schema import (
    MAX_ARGS,
    MAX_TASKS,
    Argument,
    Env,
    Glob,
    Plan,
    Task,
    TaskOutput,
    Text,
    new_plan_id,
)
from agx.plan.shell_braces import expand_braces
from agx.plan.shell_words import KEYWORDS, MAX_DEPTH, Lexer, NotAPlan, Operator, Piece, Word, shortened

_MAX_TOKENS = MAX_TASKS * (MAX_ARGS + 8)
_SEVERAL = frozenset({"&&", "||", ";", "&", ";;", "\n"})


@dataclass(slots=True)
class _Stage:
    """One simple command while it is read: its words and where its input and output go."""

    words: list[Word] = field(default_factory=list)
    input_file: Word | None = None
    outputs: dict[str, Word] = field(default_factory=dict)


def parse_shell(text: str, *, instruction: str | None = None) -> Plan:
    """Read a shell pipeline as a plan; raises `NotAPlan` with the reason where it is none.

    The plan's `instruction` is the text itself unless one is given; risks are left empty: they
    are filled in by `agx.plan.risk`, as for every plan that is read.
    """
    try:
        tasks = _Tasks().pipeline(text, depth=0)
        return Plan(
            plan_id=new_plan_id(), instruction=text if instruction is None else instruction, tasks=tasks
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise NotAPlan("limits", f"the command passes a limit of plans: {first['msg']}") from error


class _Tasks:
    """Collects the tasks of one text; substitutions put theirs before the task that uses them."""

    def __init__(self) -> None:
        self._tasks: list[Task] = []

    def pipeline(self, text: str, *, depth: int) -> tuple[Task, ...]:
        if depth > MAX_DEPTH:
            raise NotAPlan("nesting", f"substitutions are nested deeper than {MAX_DEPTH}")
        previous: int | None = None
        for stage in _stages(text):
            if previous is not None and _writes_to_file(self._tasks[previous - 1]):
                raise NotAPlan("redirection", "a command writes to a file and to a pipe at once")
            previous = self._task(stage, input_from=previous, depth=depth)
        return tuple(self._tasks)

    def _task(self, stage: _Stage, *, input_from: int | None, depth: int) -> int:
        words = _expanded(stage.words)
        if stage.input_file is not None:
            if input_from is not None:
                raise NotAPlan("redirection", "a command reads from a file and from a pipe at once")
            path = self._value(stage.input_file, wants_pattern=False, depth=depth)
            input_from = self._append(Task(task_number=len(self._tasks) + 1, command="cat", args=(path,)))
        command = _command(words[0])
        places = PatternPlaces(command)
        args = []
        for word in words[1:]:
            wants_pattern = places.is_pattern(word.literal or "")
            args.append(self._value(word, wants_pattern=wants_pattern, depth=depth))
        save_to, append_to = (_path(stage.outputs.get(key)) for key in ("save_to", "append_to"))
        return self._append(
            Task(
                task_number=len(self._tasks) + 1,
                command=command,
                args=tuple(args),
                input_from_task=input_from,
                save_to=save_to,
                append_to=append_to,
            )
        )

    def _append(self, task: Task) -> int:
        self._tasks.append(task)
        return len(self._tasks)

    def _value(self, word: Word, *, wants_pattern: bool, depth: int) -> Argument:
        pieces = _open_tilde(word.pieces)
        if wants_pattern:
            pieces = [replace(piece, quoted=True) if piece.kind == "text" else piece for piece in pieces]
        unquoted = "".join(p.text if p.kind == "text" and not p.quoted else "\0" for p in pieces)
        is_glob = has_wildcard(unquoted)
        alone = len(pieces) == 1
        values = [self._piece(piece, is_glob=is_glob, alone=alone, depth=depth) for piece in pieces]
        parts = _joined(values)
        if is_glob and all(isinstance(part, str | Glob) for part in parts):
            return Glob(
                glob="".join(part.glob if isinstance(part, Glob) else _escaped(part) for part in parts)
            )
        if not parts:
            return ""
        return parts[0] if len(parts) == 1 else Text(text=tuple(parts))

    def _piece(self, piece: Piece, *, is_glob: bool, alone: bool, depth: int) -> Argument:
        if piece.kind == "env":
            return Env(env=piece.text)
        if piece.kind == "substitution":
            self.pipeline(piece.text, depth=depth + 1)
            is_split = alone and not piece.quoted
            return TaskOutput(task=len(self._tasks), split=True if is_split else None)
        if is_glob and not piece.quoted and piece.text:
            return Glob(glob=piece.text)
        return piece.text


def _expanded(words: Sequence[Word]) -> list[Word]:
    """Expand braces; stops early, so that a hostile text cannot fill the memory."""
    expanded: list[Word] = []
    for word in words:
        expanded += expand_braces(word)
        if len(expanded) > MAX_ARGS + 1:
            raise NotAPlan("limits", f"a command has more than {MAX_ARGS} arguments")
    return expanded


def _writes_to_file(task: Task) -> bool:
    return task.save_to is not None or task.append_to is not None


def _joined(values: Sequence[Argument]) -> list[Any]:
    """Join neighbouring strings and drop empty ones."""
    parts: list[Any] = []
    for kind, run in groupby(values, key=type):
        group = list(run)
        parts += ["".join(map(str, group))] if kind is str else group
    return [part for part in parts if part != ""]


def _escaped(text: str) -> str:
    """Quote wildcards in the literal part of a pattern, as `[*]`, so that they match themselves."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def _open_tilde(pieces: Sequence[Piece]) -> list[Piece]:
    """Write a leading `~` or `~/` as the variable HOME; `~name` stays text, as most such names are."""
    if not pieces or pieces[0].kind != "text" or pieces[0].quoted or not pieces[0].text.startswith("~"):
        return list(pieces)
    rest = pieces[0].text[1:]
    if (rest and not rest.startswith("/")) or (not rest and len(pieces) > 1):
        return list(pieces)
    home = Piece("env", "HOME", quoted=True)
    return [home, *([Piece("text", rest)] if rest else []), *pieces[1:]]


def _command(word: Word) -> str:
    name = word.literal
    if not name:
        raise NotAPlan("variable command", "the command's name is a variable or a substitution")
    if word.bare in KEYWORDS:
        raise NotAPlan("shell keyword", f"`{name}` is shell grammar, not a command")
    if "=" in name and name.partition("=")[0].isidentifier():
        raise NotAPlan("assignment", f"`{shortened(name)}` sets a shell variable")
    for folder in BIN_FOLDERS:
        if name.startswith(folder) and "/" not in name[len(folder) :]:
            return name[len(folder) :] or name
    return name


def _path(word: Word | None) -> str | None:
    if word is None:
        return None
    path = word.literal
    if not path or has_wildcard(word.bare or ""):
        raise NotAPlan("redirection", "the file of a redirection is not a plain path")
    return path


def _stages(text: str) -> list[_Stage]:
    """Split a pipeline at its pipes, with redirections put where they belong."""
    tokens = _without_end(list(islice(Lexer(text).tokens(), _MAX_TOKENS + 1)))
    if len(tokens) > _MAX_TOKENS:
        raise NotAPlan("limits", f"a command of more than {_MAX_TOKENS} words is too long")
    stages = [_Stage()]
    waiting = iter(tokens)
    for token in waiting:
        if isinstance(token, Word):
            stages[-1].words.append(token)
        elif token.text == "|":
            stages.append(_Stage())
        elif token.text == "\n" and len(stages) > 1 and stages[-1] == _Stage():
            continue  # a line may end after its pipe
        elif token.text in _SEVERAL:
            shown = token.text.strip() or "newline"
            raise NotAPlan("several commands", f"`{shown}` joins commands that no pipe connects")
        elif token.text in "()":
            raise NotAPlan("subshell", "parentheses group commands")
        else:
            _redirect(stages[-1], token, next(waiting, None))
    if any(not stage.words for stage in stages):
        raise NotAPlan("empty command", "a command is missing at a pipe or a redirection")
    return stages


def _without_end(tokens: list[Word | Operator]) -> list[Word | Operator]:
    while tokens and isinstance(tokens[-1], Operator) and tokens[-1].text in (";", "\n"):
        tokens.pop()
    while tokens and isinstance(tokens[0], Operator) and tokens[0].text == "\n":
        tokens.pop(0)
    return tokens


def _redirect(stage: _Stage, operator: Operator, target: Word | Operator | None) -> None:
    if not isinstance(target, Word):
        raise NotAPlan("redirection", f"`{operator.text}` has no file")
    name, fd = target.literal, operator.fd
    if operator.text in (">", ">>", ">|") and fd == 2 and name == "/dev/null":
        return
    if operator.text == "<" and fd in (None, 0) and stage.input_file is None:
        stage.input_file = target
    elif operator.text in (">", ">|", ">>") and fd in (None, 1) and not stage.outputs:
        stage.outputs["append_to" if operator.text == ">>" else "save_to"] = target
    else:
        shown = f"{'' if fd is None else fd}{operator.text}"
        raise NotAPlan("redirection", f"`{shown}` has no form in a plan")
