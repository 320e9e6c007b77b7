"""Operands that are not run: words that say what is done, and files, which are in `file_operands`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agx.risk.effect_types import Effect
from agx.risk.file_operands import FILE_OPERANDS, may_be_more
from agx.unix.argv import Argv
from agx.unix.calls import is_known
from agx.unix.runs import Shell

_GIT_RUNS = re.compile(
    r"alias\.|pager|editor|command|cmd|driver|textconv|helper|hookspath|fsmonitor|program|filter\.|external"
)
_GIT_READS_CONFIG = ("--get", "--get-all", "--get-regexp", "--get-urlmatch", "-l", "--list")
_IP_READS = frozenset("show list ls lst get help save monitor".split())
_CLOUD_DESTROYS = re.compile(r"(?:delete|destroy|terminate|remove|purge|rm|rb|down|halt|empty)(?:-.*)?")


def is_git_command(setting: str) -> bool:
    """Return whether a setting of Git names a command that it runs."""
    return _GIT_RUNS.search(setting.lower()) is not None


def _date(argv: Argv) -> Iterator[Effect]:
    """Judge date, which sets the clock to an operand that is not a format."""
    if any(not word.startswith("+") for word in argv.operands):
        yield "privilege"


def _privileged(argv: Argv) -> Iterator[Effect]:
    if argv.operands:
        yield "privilege"


def _configured(argv: Argv) -> Iterator[Effect]:
    if len(argv.operands) > 1 or may_be_more(argv.operands):
        yield "privilege"


def _ip(argv: Argv) -> Iterator[Effect]:
    thing, *rest = argv.operands or ("",)
    if ("netns".startswith(thing) or thing == "vrf") and rest[:1] == ["exec"]:
        yield from (Shell(" ".join(rest[start:])) for start in (1, 2))  # with `-all` there is no name
    if (rest and rest[0] not in _IP_READS) or may_be_more((thing,)):
        yield "privilege"


def _service(argv: Argv) -> Iterator[Effect]:
    if argv.operands[1:2] not in ((), ("status",)) or may_be_more(argv.operands):
        yield "privilege"


def _cloud(argv: Argv) -> Iterator[Effect]:
    if any(map(_CLOUD_DESTROYS.fullmatch, argv.operands)):
        yield "destructive"


def _checkout(argv: Argv) -> Iterator[Effect]:
    """Judge a checkout of paths, which discards what was changed in them."""
    is_of_paths = argv.ended or len(argv.operands) > 1 or "." in argv.operands
    if is_of_paths and not argv.has("-b"):
        yield "destructive"


def _stash(argv: Argv) -> Iterator[Effect]:
    first = argv.operands[0] if argv.operands else "push"
    if first in ("drop", "clear"):
        yield "destructive"
    elif first not in ("list", "show"):
        yield "writes"


def _push(argv: Argv) -> Iterator[Effect]:
    yield from _remote(argv)
    if any(word.startswith(("+", ":")) for word in argv.operands):
        yield "destructive"


def _remote(argv: Argv) -> Iterator[Effect]:
    for word in argv.operands:
        transport, is_helper, rest = word.partition("::")
        if is_helper and transport == "ext":
            yield from ("runs_code", Shell(rest))


def _makes(argv: Argv) -> Iterator[Effect]:
    if argv.operands:
        yield "writes"


def _config(argv: Argv) -> Iterator[Effect]:
    words = argv.operands
    if argv.has(*_GIT_READS_CONFIG) or words[:1] in (("get",), ("list",)):
        return
    if words[:1] == ("edit",):
        yield "runs_code"
    if words[:1] in (("unset",), ("remove-section",)):
        yield "destructive"
    words = words[1:] if words[:1] == ("set",) else words
    if may_be_more(words):
        yield from ("writes", "runs_code")
    if len(words) > 1:
        yield "writes"
        if is_git_command(words[0]) or not is_known(words[0]):
            yield from ("runs_code", Shell(words[1].lstrip("!")))


OPERANDS: dict[str, Callable[[Argv], Iterator[Effect]]] = {
    **FILE_OPERANDS,
    "date": _date,
    "privileged": _privileged,
    "configured": _configured,
    "ip": _ip,
    "service": _service,
    "cloud": _cloud,
    "checkout": _checkout,
    "stash": _stash,
    "push": _push,
    "remote": _remote,
    "makes": _makes,
    "config": _config,
}
