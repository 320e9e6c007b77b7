"""Shell text to plan: a pipeline of simple commands becomes tasks, or `NotAPlan` says why not.

A text is read in the order in which a shell reads it (POSIX, Shell Command Language, 2.1):

1. `lexer`: characters to words and operators. A word is a row of pieces: text, quoted or not, a variable, a
   substitution. Nothing is expanded, so that later steps still see what a quote protected.
2. `simple_commands`: words and operators to the commands of one pipeline, with their redirections.
3. `braces`: `a{b,c}` becomes several words.
4. `agx.unix.word_roles`: what each word is to its tool. A pattern of the tool's own (`find -name *.c`)
   stays text.
5. `expansions`: a word becomes one argument, in which what a shell would expand is a typed value: an
   unquoted pattern `{"glob"}`, a variable `{"env"}`, a substitution `{"task"}` (unquoted: with `split`).

A substitution is a pipeline of its own, whose tasks stand before the task that uses them. `> file` is
`save_to`, `>> file` `append_to`, `< file` a `cat` before. Whatever else shell grammar has (lists, loops,
here-documents, arithmetic) has no form in a plan: it is refused where it is met, never approximated. What a
plan leaves out or takes otherwise than a shell is said in the findings of `read_shell`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agx.plan.schema import MAX_ARGS, MAX_TASKS, Argument, Finding, Plan, Task, new_plan_id
from agx.plan.validation import limits_refused_as
from agx.shell.braces import expand_braces
from agx.shell.expansions import ArgumentReader, refuse_home_of_others, unquoted
from agx.shell.lexer import MAX_DEPTH
from agx.shell.refusals import NotAPlan, excerpt
from agx.shell.simple_commands import SimpleCommand, simple_commands
from agx.shell.tokens import Piece, Word
from agx.shell.wrapping import unwrapped
from agx.unix.calls import DATA
from agx.unix.runs import tool_name
from agx.unix.special_files import NULL_DEVICE
from agx.unix.word_roles import has_wildcard, roles

_NO_ERRORS = "`2>/dev/null` is left out: error output is never part of a task's output"
_NO_PIPE = "a shell lets `$(…)` behind a pipe read that pipe; in a plan it reads nothing"
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\[[^\]]*\])?\+?=")

_Said = list[tuple[str, str]]  # what is to be said about a reading, by rule and sentence


class ShellReading(NamedTuple):
    """A plan that was read from shell text, and what there is to say about the reading."""

    plan: Plan
    findings: tuple[Finding, ...]


def parse_shell(text: str, *, instruction: str | None = None) -> Plan:
    """Read a shell pipeline as a plan; raises `NotAPlan` with the reason where that fails.

    The plan's `instruction` is the text itself unless one is given; risks are left empty: they
    are filled in by `agx.risk.assess`, as for every plan that is read.
    """
    return read_shell(text, instruction=instruction).plan


def read_shell(text: str, *, instruction: str | None = None) -> ShellReading:
    """Read as `parse_shell` does; the findings say what was left out or is taken otherwise."""
    try:
        with limits_refused_as(lambda message: NotAPlan("limits", message)):
            tasks = _Tasks()
            text, wrapping = unwrapped(text)
            tasks.pipeline(text, depth=0)
            asked = text if instruction is None else instruction
            plan = Plan(plan_id=new_plan_id(), instruction=asked, tasks=tuple(tasks.tasks))
        said = [Finding(severity="advice", message=message, rule="wrapping") for message in wrapping]
        return ShellReading(plan, (*said, *tasks.findings))
    except NotAPlan as error:
        raise error.located(text) from None


class _Tasks:
    """Collects the tasks of one text; substitutions put theirs before the task that uses them."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.findings: list[Finding] = []
        self._num_open = 0  # substitutions whose first command gets no input of its own

    def pipeline(self, text: str, *, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise NotAPlan("nesting", f"substitutions are nested deeper than {MAX_DEPTH}")
        previous: int | None = None
        found = simple_commands(text)
        self._num_open += depth > 0 and found[0].input_file is None
        for one in found:
            if previous is not None and self.tasks[previous - 1].saves_output:
                raise NotAPlan("redirection", "a command writes to a file and to a pipe at once", at=one.at)
            previous = self._task(one, input_from=previous, depth=depth)
            if self.tasks[-1].command == "time" and len(found) > 1:
                self._say("time", "it measures this task; a shell's own `time` measures the whole pipeline")

    def _task(self, simple: SimpleCommand, *, input_from: int | None, depth: int) -> int:
        words = _expanded(simple.words)
        if not words:
            raise NotAPlan("empty command", "braces leave no command", at=simple.at)
        said = [("error-output", _NO_ERRORS)] if simple.drops_errors else []
        has_pipe = input_from is not None
        if simple.input_file is not None:
            input_from = self._file(simple.input_file, input_from=input_from, depth=depth)
        command = _command(words[0])
        if command != words[0].literal:
            said.append(("tool-path", f"`{excerpt(words[0].literal or '')}` is read as the tool {command}"))
        num_open = self._num_open
        args, more = self._arguments(command, words[1:], depth=depth)
        said += more
        if has_pipe and self._num_open > num_open:
            said.append(("substitution-input", _NO_PIPE))
        outputs = {key: _path(word) for key, word in simple.outputs.items()}
        number = self._append(command, args, input_from=input_from, outputs=outputs)
        for rule, message in dict.fromkeys(said):
            self._say(rule, message)
        return number

    def _arguments(self, command: str, words: Sequence[Word], *, depth: int) -> tuple[list[Argument], _Said]:
        """Return a command's arguments, and what is to be said about them."""
        args: list[Argument] = []
        said: _Said = []
        is_after_options = False
        for word, role in zip(words, roles(command, [_as_text(word) for word in words]), strict=True):
            reader = ArgumentReader(
                word, lambda piece: self._output_of(piece, depth=depth), is_after_options=is_after_options
            )
            args.append(reader.value(wants_pattern=role.is_pattern))
            said += reader.said
            is_after_options |= word.literal == "--"
        return args, said

    def _file(self, word: Word, *, input_from: int | None, depth: int) -> int | None:
        """Read `< FILE` as a task that prints the file; `/dev/null` is what a task without input reads."""
        if input_from is not None:
            message = "a command reads from a file and from a pipe at once"
            raise NotAPlan("redirection", message, at=word.at)
        if word.literal == NULL_DEVICE:
            return None
        _refuse_several(word)
        path = ArgumentReader(word, lambda piece: self._output_of(piece, depth=depth)).value()
        return self._append("cat", [path])

    def _output_of(self, source: Piece, *, depth: int) -> int:
        """Read a substitution's own pipeline, and return the task whose output it stands for."""
        try:
            self.pipeline(source.text, depth=depth + 1)
        except NotAPlan as error:
            at = None if error.at is None else source.at + error.at
            raise NotAPlan(error.reason, error.message, at=at) from None
        if self.tasks[-1].saves_output:
            message = "a substitution stands for output that goes to a file"
            raise NotAPlan("redirection", message, at=source.at)
        return len(self.tasks)

    def _append(
        self,
        command: str,
        args: Sequence[Argument],
        *,
        input_from: int | None = None,
        outputs: Mapping[str, str] | None = None,
    ) -> int:
        if len(self.tasks) == MAX_TASKS:
            raise NotAPlan("limits", f"the command makes more than {MAX_TASKS} tasks")
        paths = outputs or {}
        task = Task(
            task_number=len(self.tasks) + 1,
            command=command,
            args=tuple(args),
            input_from_task=input_from,
            save_to=paths.get("save_to"),
            append_to=paths.get("append_to"),
        )
        self.tasks.append(task)
        return task.task_number

    def _say(self, rule: str, message: str) -> None:
        number = len(self.tasks)
        self.findings.append(Finding(severity="advice", task=number, message=message, rule=rule))


def _expanded(words: Sequence[Word]) -> list[Word]:
    """Expand braces; stops early, so that a hostile text cannot fill the memory."""
    expanded: list[Word] = []
    for word in words:
        choices = expand_braces(word)
        if choices != [word] and any(map(_has_home_behind_name, choices)):
            raise NotAPlan("home folder", "`~` stands behind `=` and braces", at=word.at)
        expanded += choices
        if len(expanded) > MAX_ARGS + 1:
            raise NotAPlan("limits", f"a command has more than {MAX_ARGS} arguments", at=word.at)
    return expanded


def _has_home_behind_name(word: Word) -> bool:
    """Return whether a shell would take `~` for the home folder, if it had seen this word before braces."""
    return re.match(r"[A-Za-z_][A-Za-z0-9_]*=~", unquoted(word.pieces)) is not None


def _command(word: Word) -> str:
    name, first = word.literal, word.pieces[0]
    if first.kind == "text" and not first.quoted and (match := _ASSIGNMENT.match(first.text)):
        raise NotAPlan("assignment", f"`{excerpt(match[0])}` sets a shell variable", at=word.at)
    if not name:
        message = f"the command's name is {'empty' if name == '' else 'a variable or a substitution'}"
        raise NotAPlan("variable command", message, at=word.at)
    bare = unquoted(word.pieces)
    if has_wildcard(bare) or bare.startswith("~"):
        raise NotAPlan("variable command", "only a shell finds the command's name", at=word.at)
    return tool_name(name) or name


def _refuse_several(word: Word) -> None:
    """Raise `NotAPlan` for a redirection's file that a shell would make several of."""
    if has_wildcard(unquoted(word.pieces)) or expand_braces(word) != [word] or _has_home_behind_name(word):
        message = "the file of a redirection is a pattern, not a plain path"
        raise NotAPlan("redirection", message, at=word.at)


def _as_text(word: Word) -> str:
    """Return a word's text, in which `DATA` stands for what only a run can tell."""
    return "".join(piece.text if piece.kind == "text" else DATA for piece in word.pieces)


def _path(word: Word) -> str:
    """Return the path of a redirection, in which a leading `~/` is the home folder."""
    refuse_home_of_others(word)
    _refuse_several(word)
    path = word.literal
    if not path or (path == "~" and not word.pieces[0].quoted):
        raise NotAPlan("redirection", "the file of a redirection is not a plain path", at=word.at)
    return "./" + path if path.startswith("~/") and word.pieces[0].quoted else path
