"""What one call does, as a list of effects: marks, commands and programs that it runs, files it writes.

The call's words are read by `agx.unix.argv`, by the table of `agx.unix.command_specs`. What a call runs is in
`agx.unix.runs`, and is followed by `agx.risk.judge`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from agx.risk.code_operands import RUNNING
from agx.risk.effect_types import Code, Effect, RunsFile, Writes
from agx.risk.file_operands import may_set_id
from agx.risk.operands import OPERANDS, is_git_command
from agx.unix.argv import Argv
from agx.unix.calls import Call, is_known
from agx.unix.command_specs import CommandSpec
from agx.unix.runs import Shell
from agx.unix.special_files import NETWORK_DEVICES

_CODE_VARIABLE = re.compile(
    r"(?:LD|DYLD|GIT|GEM|CARGO|LUA|R|TAR|RSYNC|XDG|npm_config|NPM_CONFIG|BASH_FUNC|XZ|MAGICK|OPENSSL|GLIBC)_\w+"
    r"|(?:PYTHON|PERL|LESS|SHELL|MAKE|VIM|ZIP|UNZIP|GNUPG)\w*|RUBY(?:LIB|OPT)|HG\w+|SVN_\w+|CVS\w+"
    r"|\w*(?:PATH|PAGER|EDITOR|_RSH|_SSH|ASKPASS|_OPTIONS|OPTS?|WRAPPER|CMD|COMMAND)|VISUAL|BROWSER"
    r"|ACK\w+|BAT_\w+|FZF_\w+|GAWK_\w+|MAN(?:OPT|ROFF\w+)|PIGZ|BASH_ENV|ENV|PS[0-4]|IFS|CC|CXX|HOME"
    r"|TERMINFO|HOSTALIASES|GREP|GZIP|PARALLEL|ZDOTDIR|FCEDIT|KUBECONFIG"
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


def effects(call: Call, read: Sequence[Argv]) -> Iterator[Effect]:
    """Yield everything that a call does, with its words as they were read, but not what runs inside it."""
    for assignment in call.assignments:
        yield from assigned(assignment)
    if any(word.startswith(NETWORK_DEVICES) for word in call.words):
        yield "network"
    for argv in read:
        yield from _of_argv(argv)


def assigned(assignment: str) -> Iterator[Effect]:
    """Yield what it means to set a variable: some of them name what is run later."""
    name, _, value = assignment.partition("=")
    if is_known(name) and not _CODE_VARIABLE.fullmatch(name):
        return
    yield "runs_code"
    if _COMMAND_VARIABLE.fullmatch(name):
        yield Shell(value)


def _of_argv(argv: Argv) -> Iterator[Effect]:
    spec, words = argv.spec, [word.text for word in argv.words]
    yield from spec.always
    if argv.is_quiet:
        return
    for name, value, _ in argv.options:
        yield from spec.marks.get(name, ())
        yield from _of_value(spec, spec.kinds.get(name, "values"), value or "")
    has_no_command = sum(spec.kinds.get(option.name) == "exec" for option in argv.options) > len(
        argv.commands
    )
    if argv.may_hide_option or has_no_command:
        yield "runs_code"
    if spec.hosts and any(map(_HOST.match, (*words, *(option.value or "" for option in argv.options)))):
        yield "network"
    yield from _of_words(spec, words)
    for word in argv.skipped:
        if "=" in word:
            yield from assigned(word)
    yield from _of_operands(argv)


def _of_words(spec: CommandSpec, words: Sequence[str]) -> Iterator[Effect]:
    for pattern, risks in spec.words:
        for match in filter(None, map(pattern.match, words)):
            yield from risks
            yield from (Shell(text) for text in match.groups() if text)


def _of_value(spec: CommandSpec, kind: str, value: str) -> Iterator[Effect]:
    """Judge the value of an option; the programs of sed and awk are judged with their operands."""
    if kind in VALUES:
        yield from VALUES[kind](value)
    elif kind == "code" and spec.language not in ("sed", "awk"):
        yield Code(value, spec.language)


def _of_operands(argv: Argv) -> Iterator[Effect]:
    treatment = argv.spec.operands
    if treatment == "subcommand":
        yield from _of_subcommand(argv)
    elif treatment == "assignments":
        yield from (effect for word in argv.operands for effect in assigned(word))
    elif judge := RUNNING.get(treatment) or OPERANDS.get(treatment):
        yield from judge(argv)


def _of_subcommand(argv: Argv) -> Iterator[Effect]:
    if not argv.operands:
        if argv.spec.family == "openssl":
            yield "runs_input"  # its commands, line by line
    elif not is_known(argv.operands[0]):
        yield "runs_code"
    elif argv.spec.family == "git" and argv.operands[1:2] == ("--help",):
        yield "runs_code"  # a viewer of manuals, which settings name


def _file(value: str) -> Iterator[Effect]:
    yield Writes(value, overwrites=True)
    if value.startswith(("|", "!")):
        yield Shell(value[1:])  # as strace has it


def _place(value: str) -> Iterator[Effect]:
    yield Writes(value)


def _shell(value: str) -> Iterator[Effect]:
    del value  # which is read with all else that is run
    yield "runs_code"


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
