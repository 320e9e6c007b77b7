"""A pipeline cut at its pipes: simple commands with their words and redirections.

A simple command is what POSIX calls so (2.9.1): words, with redirections anywhere among them. Each operator
is either a pipe, which begins the next command, a redirection, which takes the word behind it, or it joins
commands in a way that no plan has, and is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from agx.plan.schema import MAX_ARGS, MAX_TASKS
from agx.shell.lexer import Lexer
from agx.shell.refusals import NotAPlan
from agx.shell.tokens import KEYWORDS, Operator, Word
from agx.unix.special_files import NULL_DEVICE

_MAX_TOKENS = MAX_TASKS * (MAX_ARGS + 8)
_SEVERAL = frozenset({"&&", "||", ";", ";;"})
_HERE = frozenset({"<<", "<<-", "<<<"})
_OUTPUTS = frozenset({">", ">|", ">>"})
_BOTH = frozenset({"&>", "&>>", ">&"})


@dataclass(slots=True)
class SimpleCommand:
    """One simple command while it is read.

    `drops_errors` says that `2>/dev/null` was there, `at` where the command begins.
    """

    words: list[Word] = field(default_factory=list)
    input_file: Word | None = None
    outputs: dict[str, Word] = field(default_factory=dict)
    drops_errors: bool = False
    at: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the command was read yet."""
        return not self.words and self.input_file is None and not self.outputs and not self.drops_errors


def simple_commands(text: str) -> list[SimpleCommand]:
    """Split a pipeline at its pipes, with redirections put where they belong; raises `NotAPlan`."""
    tokens = _without_end(list(islice(Lexer(text).tokens(), _MAX_TOKENS + 1)))
    if len(tokens) > _MAX_TOKENS:
        raise NotAPlan("limits", f"a command of more than {_MAX_TOKENS} words is too long")
    found = [SimpleCommand()]
    waiting = iter(tokens)
    for token in waiting:
        if isinstance(token, Word):
            if not found[-1].words and token.bare in KEYWORDS:
                message = f"`{token.bare}` is shell grammar, not a command"
                raise NotAPlan("shell keyword", message, at=token.at)
            found[-1].words.append(token)
        elif token.text == "|":
            found.append(SimpleCommand(at=token.at))
        elif token.text == "\n" and len(found) > 1 and found[-1].is_empty:
            continue  # a line may end after its pipe
        else:
            _redirect(found[-1], _redirection(token), next(waiting, None))
    if len(found) == 1 and found[0].is_empty:
        raise NotAPlan("empty command", "there is no command")
    for command in found:
        if not command.words:
            message = "a command is missing at a pipe or a redirection"
            raise NotAPlan("empty command", message, at=command.at)
    return found


def _without_end(tokens: list[Word | Operator]) -> list[Word | Operator]:
    while tokens and _is_end(tokens[-1], "\n"):
        tokens.pop()
    if tokens and _is_end(tokens[-1], ";"):
        tokens.pop()
    while tokens and _is_end(tokens[0], "\n"):
        tokens.pop(0)
    return tokens


def _is_end(token: Word | Operator, text: str) -> bool:
    return isinstance(token, Operator) and token.text == text


def _redirection(token: Operator) -> Operator:
    """Return an operator that is a redirection; raises `NotAPlan` for those that are none."""
    if token.text in _SEVERAL:
        raise NotAPlan(
            "several commands", f"`{token.text}` joins commands that no pipe connects", at=token.at
        )
    if token.text == "\n":
        raise NotAPlan("several commands", "a second command begins on a new line", at=token.at + 1)
    if token.text == "&":
        raise NotAPlan("background", "`&` leaves a command running in the background", at=token.at)
    if token.text in "()":
        raise NotAPlan("subshell", "parentheses group commands", at=token.at)
    if token.text == "|&":
        raise NotAPlan("error output", "`|&` pipes error output as well", at=token.at)
    return token


def _redirect(command: SimpleCommand, operator: Operator, target: Word | Operator | None) -> None:
    shown = f"{'' if operator.fd is None else operator.fd}{operator.text}"
    if operator.text in _HERE:
        raise NotAPlan("here-document", f"`{operator.text}` writes input into the command", at=operator.at)
    if not isinstance(target, Word):
        raise NotAPlan("redirection", f"`{shown}` has no file", at=operator.at)
    if operator.text in _OUTPUTS and operator.fd == 2 and target.literal == NULL_DEVICE:
        command.drops_errors = True
    elif operator.text in _BOTH or (operator.text in _OUTPUTS and operator.fd == 2):
        raise NotAPlan("error output", f"`{shown}` sends error output to a place of its own", at=operator.at)
    elif operator.text == "<" and operator.fd in (None, 0) and command.input_file is None:
        command.input_file = target
    elif operator.text in _OUTPUTS and operator.fd in (None, 1) and not command.outputs:
        command.outputs["append_to" if operator.text == ">>" else "save_to"] = target
    else:
        raise NotAPlan("redirection", f"`{shown}` has no form in a plan", at=operator.at)
