r"""The shell dialect as a grammar: from registry and limits to the pipelines that a model may write.

What is written is the part of the shell that `agx.shell.parse` reads back without loss. A pipeline is
commands with ` | ` between, and may end in `> FILE` or `>> FILE`. A command is a tool of the registry, then
words with one space before each, then perhaps `2>/dev/null`. One of its words may have `$(…)` in it, in
quotes or not, around a pipeline that has no further one. There are no lists, loops, here-documents or line
breaks.

Two properties of llguidance shape the grammar:

- It counts no tasks, so each number of tasks has a rule: `pipelineN` is a pipeline of at most N tasks, of
  which a command around a substitution of n tasks takes n + 1.
- The lexer takes the longest terminal and never goes back. So a whole word is one terminal, its space
  included, and what it may be is a regular expression. It is text, a pattern, or either one with variables.
  What is quoted in a pattern and would mean something there is a part of its own to the reader, and parts are
  bounded: so a pattern has neither a wildcard nor a mark of a set in quotes. A variable's name ends where the
  shell ends it. `#` and `~` stand in quotes, but for `~` and `~/…`: only a shell finds `~name`.

A whole word has neither complements nor intersections of unions: to find out which of them are empty,
llguidance would run past its own limits. The lengths of words and the names of variables are small enough.

Source: docs/syntax.md of https://github.com/guidance-ai/llguidance
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from agx.errors import UsageError
from agx.grammar.plan_schema import PlanLimits
from agx.plan.tools import Registry, ToolInfo
from agx.shell.braces import MAX_WORD_CHARS
from agx.shell.parse import parse_shell
from agx.shell.pipeline_text import MAX_INNER_TASKS
from agx.shell.refusals import NotAPlan
from agx.shell.render import command_word
from agx.shell.tokens import KEYWORDS, SHELL_VARIABLES

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
# The reader writes `./` before a pattern or a path that begins with a sign of its own.
_ADDED_CHARS = 2
# The prefixes of the terminals of each kind of word.
_TEXT, _PATTERN, _BESIDE = "TEXT_", "PATTERN_", "BESIDE_"
# No control character, C1 included, and nothing else that ends a line.
_NEVER = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
# What nobody sees stands in quotes: the reader refuses it outside.
_UNSEEN = (
    r"\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u202a-\u202f\u205f-\u206f"
    r"\u2800\u3000\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
)
# What means something to a shell wherever it stands outside quotes.
_GRAMMAR_SIGNS = r"""|&;()<>'"\\$`{}#~"""
_WILDCARDS = r"*?\["
_SET_MARKS = r"*?\[\]!\^\-"
_TERMINALS = rf"""
ARG: " " WORD
ERRORS: " 2>/dev/null"
OUTPUT: / >>? / PATH
OPEN: " " PREFIX "$("
CLOSE: ")" SUFFIX
QUOTED_OPEN: " " QUOTED_PREFIX "$("
QUOTED_CLOSE: ")" QUOTED_SUFFIX
VARIABLE: "$" NAME
BRACED: "${{" NAME "}}"
NAME: /[A-Za-z_][A-Za-z0-9_]{{0,127}}/ & ~/{"|".join(sorted(SHELL_VARIABLES))}/
LETTER: /[A-Za-z0-9_]/
PLAIN_SIGN: /[^A-Za-z0-9_ {_UNSEEN}{_WILDCARDS}{_NEVER}{_GRAMMAR_SIGNS}]/
BARE_SIGN: PLAIN_SIGN | "{{}}"
"""


def _characters(kind: str, *, wildcards: str = "", without: str = "") -> str:
    """Return the terminals of what a word is made of: a sign is all that cannot go on a variable's name.

    A word of the kind has these `wildcards`, and nothing of `without` in quotes.
    """
    is_open = rf" | /[{wildcards}]/" if wildcards else ""
    return rf"""
{kind}QUOTED_SIGN: /[^A-Za-z0-9_"\\$`{without}{_NEVER}]|\\[^{without}{_NEVER}]/
{kind}QUOTED: LETTER | {kind}QUOTED_SIGN
{kind}SINGLE: /'[^'{without}{_NEVER}]*'/
{kind}DOUBLE: /"/ {kind}QUOTED* /\$?"/
{kind}ESCAPED: /\\[^A-Za-z0-9{without}{_NEVER}]/
{kind}SIGN: BARE_SIGN | {kind}SINGLE | {kind}DOUBLE | {kind}ESCAPED{is_open}
{kind}CHAR: LETTER | {kind}SIGN"""


def can_write(tools: Iterable[ToolInfo]) -> bool:
    """Return whether the shell dialect has a form for every tool: whether all are commands."""
    return all(map(_has_form, tools))


def _has_form(tool: ToolInfo) -> bool:
    return tool.schema is None and _is_read_back(tool.name)


@lru_cache(maxsize=8)
def shell_grammar(tools: Registry, limits: PlanLimits) -> str:
    """Return the Lark grammar of the pipelines that a model may write with these tools.

    Each text that it ends is a plan within the limits. Raises `UsageError` for a tool that a shell
    cannot call.
    """
    for tool in tools:
        if not _has_form(tool):
            raise UsageError(
                f"the dialect shell has no form for {tool.name}, which a shell cannot call",
                hint="use the dialect json",
            )
    names = [json.dumps(command_word(tool.name), ensure_ascii=False) for tool in tools]
    rules = [*_pipelines(limits.max_tasks, _inner_tasks(limits)), *_commands(limits), *_words(limits)]
    kinds = (
        _characters(_TEXT),
        _characters(_PATTERN, wildcards=_WILDCARDS, without=_SET_MARKS),
        _characters(_BESIDE, without=_WILDCARDS),
    )
    return "\n".join([*rules, f"TOOL: {' | '.join(names)}", _TERMINALS, *kinds])


@lru_cache(maxsize=4096)
def _is_read_back(name: str) -> bool:
    if _PLAIN_NAME.fullmatch(name) and name not in KEYWORDS:
        return True
    try:
        return parse_shell(command_word(name)).tasks[0].command == name
    except NotAPlan:
        return False


def _inner_tasks(limits: PlanLimits) -> int:
    """Return how many tasks a substitution may have: none where no argument is left for it."""
    return min(limits.max_tasks - 1, MAX_INNER_TASKS) if limits.max_args else 0


def _pipelines(max_tasks: int, inner_tasks: int) -> Iterator[str]:
    """Yield the rules of pipelines by their number of tasks, the whole first."""
    yield f"start: pipeline{max_tasks} OUTPUT?"
    for number in range(1, max_tasks + 1):
        around = range(1, min(number - 1, inner_tasks) + 1)
        ways = (_with_rest(f"around{inner}", left=number - 1 - inner) for inner in around)
        yield f"pipeline{number}: {' | '.join([_with_rest('command', left=number - 1), *ways])}"


def _with_rest(command: str, *, left: int) -> str:
    """Return a command, and the pipeline that may follow with the tasks that are left."""
    return f'{command} (" | " pipeline{left})?' if left else command


def _commands(limits: PlanLimits) -> Iterator[str]:
    """Yield the rules of a command, and of one around a substitution of each number of tasks."""
    yield f"command: TOOL {_arguments(limits.max_args)} ERRORS?"
    before = (limits.max_args - 1) // 2
    after = limits.max_args - 1 - before
    for inner in range(1, _inner_tasks(limits) + 1):
        words = f"{_arguments(before)} substitution{inner} {_arguments(after)}"
        yield f"around{inner}: TOOL {words} ERRORS?"
        commands = ' " | " '.join(["command"] * inner)
        yield f"substitution{inner}: OPEN {commands} CLOSE | QUOTED_OPEN {commands} QUOTED_CLOSE"


def _arguments(most: int) -> str:
    return f"ARG{{0,{most}}}" if most else ""


def _words(limits: PlanLimits) -> Iterator[str]:
    """Yield the terminals that depend on the limits of a word."""
    longest = _at_most(min(limits.max_arg_chars, MAX_WORD_CHARS))
    kinds = [
        f"{_TEXT}CHAR+ /\\$?/",
        f"{_PATTERN}CHAR+",
        "VARIABLE",
        "BRACED",
        _quoted("(VARIABLE | BRACED)"),
        '"~"',
    ]
    # Variables and the texts between them are the parts of one argument.
    num_variables = (limits.max_text_parts - 1) // 2
    if num_variables:
        kinds += [_with_variables(_TEXT, num_variables), _with_variables(_PATTERN, num_variables)]
    if limits.max_text_parts > 1:
        kinds.append(f'"~/" ({_TEXT}CHAR* | {_PATTERN}CHAR*)')
    yield f"WORD: ({' | '.join(kinds)}) & {longest}"
    yield from _around_substitutions(longest, is_alone=limits.max_text_parts < 3)
    start = f"LETTER | BARE_SIGN | {_TEXT}ESCAPED | /'[^'{_NEVER}]+'/ | {_quoted(f'{_TEXT}QUOTED+')}"
    yield f'PATH: (({start}) {_TEXT}CHAR* | "~/" {_TEXT}CHAR+) & {_at_most(limits.max_path_chars)}'


def _around_substitutions(longest: str, *, is_alone: bool) -> Iterator[str]:
    """Yield what of a word may stand before and behind a substitution: nothing where it `is_alone`.

    There are no braces, which the reader takes in words of a bounded length only, and no wildcards in
    quotes. A pattern without a set may follow.
    """
    if is_alone:
        yield from ('PREFIX: ""', 'SUFFIX: ""', r'QUOTED_PREFIX: "\""', r'QUOTED_SUFFIX: "\""')
        return
    yield f"BESIDE: LETTER | PLAIN_SIGN | {_BESIDE}SINGLE | {_BESIDE}DOUBLE | {_BESIDE}ESCAPED"
    yield "BEHIND: BESIDE | /[*?]/"
    yield f"PREFIX: BESIDE* & {longest}"
    yield f"SUFFIX: BEHIND* & {longest}"
    yield rf'QUOTED_PREFIX: (BESIDE* "\"" {_BESIDE}QUOTED*) & {longest}'
    yield rf'QUOTED_SUFFIX: ({_BESIDE}QUOTED* "\"" BEHIND*) & {longest}'


def _with_variables(kind: str, most: int) -> str:
    """Return a word with 1 to `most` variables, each in quotes or not, or all inside one pair of quotes."""
    inside = f"(BRACED {kind}QUOTED* | VARIABLE ({kind}QUOTED_SIGN {kind}QUOTED*)?)"
    alone = _quoted(f"{kind}QUOTED* {inside}")
    outside = f"((BRACED | {alone}) {kind}CHAR* | VARIABLE ({kind}SIGN {kind}CHAR*)?)"
    together = _quoted(f"{kind}QUOTED* {inside}{{1,{most}}}")
    return f"{kind}CHAR* {outside}{{1,{most}}} | {kind}CHAR* {together} {kind}CHAR*"


def _quoted(inside: str) -> str:
    return rf'"\"" {inside} "\""'


def _at_most(chars: int) -> str:
    """Return the expression of a text whose length, with what the reader may add, is within a limit."""
    return f"/(?s:.){{0,{max(1, chars - _ADDED_CHARS)}}}/"
