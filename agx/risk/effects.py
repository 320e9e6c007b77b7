"""What one call does, as a list of effects: marks, commands and programs that it runs, files it writes.

It reads the call's words by the table of `agx.unix.table`. What the inner commands do in turn is
followed by `agx.risk.assess`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from agx.plan.tools import ToolInfo
from agx.risk.commands import RUNNING
from agx.risk.find import EXPRESSIONS
from agx.risk.operands import OPERANDS, is_git_command, may_set_id
from agx.risk.written_paths import NETWORK_DEVICES
from agx.unix.calls import Call, Code, Effect, RunsFile, Shell, Writes, is_known
from agx.unix.table import Row, row_of, row_of_options, subcommand_of
from agx.unix.words import Given, read_words

_CODE_VARIABLE = re.compile(
    r"(?:LD|DYLD|GIT|GEM|CARGO|LUA|R|TAR|RSYNC|XDG|npm_config|NPM_CONFIG|BASH_FUNC|XZ|MAGICK|OPENSSL|GLIBC)_\w+"
    r"|(?:PYTHON|PERL|LESS|SHELL|MAKE|VIM|ZIP|UNZIP|GNUPG)\w*|RUBY(?:LIB|OPT)|HG\w+|SVN_\w+|CVS\w+"
    r"|\w*(?:PATH|PAGER|EDITOR|_RSH|_SSH|ASKPASS|_OPTIONS|OPTS?|WRAPPER|CMD|COMMAND)|VISUAL|BROWSER"
    r"|BASH_ENV|ENV|PS[0-4]|IFS|CC|CXX|HOME|TERMINFO|HOSTALIASES|GREP|GZIP|PARALLEL|ZDOTDIR|FCEDIT|KUBECONFIG"
    r"|(?:WGET|INPUT|SCREEN|PSQL|PHP|CURL)RC|EXINIT"
)
_COMMAND_VARIABLE = re.compile(
    r"\w*(?:PAGER|EDITOR|VISUAL|BROWSER|COMMAND|_RSH|_SSH|ASKPASS|LESSOPEN|LESSCLOSE|PROGRAM)|GREP|HGMERGE"
)
_HOST = re.compile(r"(?:\w[\w.-]*@)?(?:[\w.-]{2,}|[\w.-]*\0[\w.\0-]*|\[[\da-fA-F:]+\]):|[\w+.-]+://")
_OF_HOST = ("/:", "/,", "/etc", "/dev", "/root", "/var", "/sys", "/proc", "/boot", "host")
_DELETES = re.compile(r"[-+*]?(?:DELE|RMD|rm)", re.IGNORECASE)
_PROXY = re.compile(
    r"(?:ProxyCommand|LocalCommand|KnownHostsCommand|Match|Include)\s*[=\s]\s*(.*)", re.IGNORECASE | re.DOTALL
)


def effects(call: Call, tool: ToolInfo | None) -> Iterator[Effect]:
    """Yield everything that a call does, but not what the commands that it runs do.

    Of a command without a row, the registry may still say which options take a command.
    """
    for assignment in call.assignments:
        yield from assigned(assignment)
    if any(word.startswith(NETWORK_DEVICES) for word in call.words):
        yield "network"
    row = row_of(call.name)
    if row is None and tool is not None and tool.options is not None and tool.options.command:
        row = row_of_options(tool.name, tool.options)
    if row is not None:
        yield from _of_row(row, call)


def assigned(assignment: str) -> Iterator[Effect]:
    """Yield what it means to set a variable: some of them name what is run later."""
    name, _, value = assignment.partition("=")
    if is_known(name) and not _CODE_VARIABLE.fullmatch(name):
        return
    yield "runs_code"
    if _COMMAND_VARIABLE.fullmatch(name):
        yield Shell(value)


def _of_row(row: Row, call: Call) -> Iterator[Effect]:
    yield from row.always
    if row.operands in EXPRESSIONS:
        yield from EXPRESSIONS[row.operands](row, call)
        return
    given = read_words(call, row)
    if row.quiet and any(option in row.quiet for option, _ in given.options):
        return
    for option, value in given.options:
        yield from row.marks.get(option, ())
        yield from _of_value(row, row.kinds.get(option, "values"), value or "")
    if given.may_hide_option:
        yield "runs_code"
    if row.hosts and any(map(_HOST.match, (*call.words, *(value or "" for _, value in given.options)))):
        yield "network"
    yield from _of_words(row, call)
    for word in given.skipped:
        if "=" in word:
            yield from assigned(word)
    yield from _of_operands(given)


def _of_words(row: Row, call: Call) -> Iterator[Effect]:
    for pattern, risks in row.words:
        for match in filter(None, map(pattern.match, call.words)):
            yield from risks
            yield from (Shell(text) for text in match.groups() if text)


def _of_value(row: Row, kind: str, value: str) -> Iterator[Effect]:
    """Judge the value of an option; the programs of sed and awk are judged with their operands."""
    if kind == "shell" and row.family == "env":
        value = "env " + value  # the words may begin with its options
    if kind in VALUES:
        yield from VALUES[kind](value)
    elif kind == "code" and row.language not in ("sed", "awk"):
        yield Code(value, row.language)


def _of_operands(given: Given) -> Iterator[Effect]:
    treatment = given.row.operands
    if treatment == "subcommand":
        yield from _of_subcommand(given)
    elif treatment == "assignments":
        yield from (effect for word in given.operands for effect in assigned(word))
    elif treatment:
        yield from (RUNNING.get(treatment) or OPERANDS[treatment])(given)


def _of_subcommand(given: Given) -> Iterator[Effect]:
    if not given.operands:
        if given.row.family == "openssl":
            yield "runs_input"  # its commands, line by line
        return
    first, *rest = given.operands
    if not is_known(first):
        yield "runs_code"
        return
    sub = subcommand_of(given.row, first)
    if sub is not None:
        yield from _of_row(sub, replace(given.call, words=tuple(rest)))


def _file(value: str) -> Iterator[Effect]:
    yield Writes(value, overwrites=True)
    if value.startswith(("|", "!")):
        yield Shell(value[1:])  # as strace has it


def _place(value: str) -> Iterator[Effect]:
    yield Writes(value)


def _shell(value: str) -> Iterator[Effect]:
    yield "runs_code"
    yield Shell(value.removeprefix("exec="))


def _script(value: str) -> Iterator[Effect]:
    yield "runs_code"
    yield RunsFile(value)


def _config(value: str) -> Iterator[Effect]:
    """Judge one setting of `git -c`: any of them can change what Git runs."""
    yield "runs_code"
    name, _, setting = value.partition("=")
    if is_git_command(name):
        yield Shell(setting.lstrip("!"))


def _upload(value: str) -> Iterator[Effect]:
    del value
    yield "writes"


def _verb(value: str) -> Iterator[Effect]:
    """Judge how something is asked of a server: a method of HTTP, a command of FTP."""
    if _DELETES.match(value) or not is_known(value):
        yield "destructive"
    elif value.upper() not in ("GET", "HEAD", "OPTIONS"):
        yield "writes"


def _mount(value: str) -> Iterator[Effect]:
    """Judge what a container gets of its host: the root folder, the system, devices, its namespaces."""
    source = value.partition("source=")[2] or value.partition("src=")[2] or value
    if source.startswith(_OF_HOST):
        yield "privilege"


def _setuid(value: str) -> Iterator[Effect]:
    if may_set_id(value):
        yield "privilege"


def _proxy(value: str) -> Iterator[Effect]:
    """Judge one setting of `ssh -o`: some of them name a command."""
    if match := _PROXY.match(value):
        yield from ("runs_code", Shell(match[1]))


VALUES: dict[str, Callable[[str], Iterator[Effect]]] = {
    "files": _file,
    "places": _place,
    "shell": _shell,
    "scripts": _script,
    "config": _config,
    "uploads": _upload,
    "verbs": _verb,
    "mounts": _mount,
    "setuid": _setuid,
    "proxies": _proxy,
    "settings": assigned,
}
