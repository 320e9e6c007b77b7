"""Operands that are not run: files that are written or changed, and words that say what is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from agx.risk.effect_types import Effect, Writes
from agx.risk.written_paths import is_system
from agx.unix.argv import Argv
from agx.unix.calls import MANY, OPEN, is_known
from agx.unix.runs import Shell
from agx.unix.special_files import NULL_DEVICE, is_empty

# A mode that lets a program run as its owner or group.
_SET_ID = re.compile(r"0?[2-7]\d{3}|.*[+=]\w*s\w*")
_GIT_RUNS = re.compile(
    r"alias\.|pager|editor|command|cmd|driver|textconv|helper|hookspath|fsmonitor|program|filter\.|external"
)
_GIT_READS_CONFIG = ("--get", "--get-all", "--get-regexp", "--get-urlmatch", "-l", "--list")
_IP_READS = frozenset("show list ls lst get help save monitor".split())
_CLOUD_DESTROYS = re.compile(r"(?:delete|destroy|terminate|remove|purge|rm|rb|down|halt|empty)(?:-.*)?")


def may_set_id(mode: str) -> bool:
    """Return whether a file's mode lets it run as its owner or group."""
    return _SET_ID.fullmatch(mode) is not None


def is_git_command(setting: str) -> bool:
    """Return whether a setting of Git names a command that it runs."""
    return _GIT_RUNS.search(setting.lower()) is not None


def _may_be_more(words: Sequence[str]) -> bool:
    """Return whether these words are more than they seem: a pattern's files, the words of an output."""
    return any(MANY in word or OPEN in word for word in words)


def _target(argv: Argv) -> Iterator[Effect]:
    """Judge the last operand, where files are put; a copy of nothing empties what was there."""
    has_place = argv.has("-t", "--target-directory")
    *sources, last = argv.operands or ("",)
    if has_place or not sources:
        return
    yield Writes(last)
    if any(map(is_empty, sources)) or (argv.spec.family == "mv" and last == NULL_DEVICE):
        yield "destructive"
    if argv.spec.family == "mv" and any(map(is_system, sources)):
        yield "privilege"


def _written(argv: Argv) -> Iterator[Effect]:
    appends = argv.has("-a", "--append")
    yield from (Writes(path, overwrites=not appends) for path in argv.operands)


def _second(argv: Argv) -> Iterator[Effect]:
    """Judge the second operand, which is written."""
    is_prefix = argv.spec.family == "split"
    yield from (Writes(path, overwrites=not is_prefix) for path in argv.operands[1:2])
    if _may_be_more(argv.operands[:1]):
        yield "writes"


def _changed(argv: Argv) -> Iterator[Effect]:
    if any(map(is_system, argv.operands)):
        yield "privilege"


def _mode(argv: Argv) -> Iterator[Effect]:
    """Judge chmod, chown and their like, whose first operand is what is set."""
    paths = argv.operands if argv.has("--reference") else argv.operands[1:]
    if any(map(is_system, paths)):
        yield "privilege"
        if argv.has("-R", "--recursive"):
            yield "destructive"
    if argv.spec.family == "chmod" and any(map(may_set_id, argv.operands[:1])):
        yield "privilege"


def _dd(argv: Argv) -> Iterator[Effect]:
    pairs = dict(word.partition("=")[::2] for word in argv.operands)
    if "of" in pairs:
        yield Writes(pairs["of"], overwrites=True)
        if is_empty(pairs.get("if", "")):
            yield "destructive"


def _tar(argv: Argv) -> Iterator[Effect]:
    if argv.has("-c", "-r", "-u", "-A", "--create", "--append", "--update", "--catenate", "--delete"):
        yield from (Writes(path) for path in argv.values("-f", "--file"))
    if argv.has("--delete"):
        yield "destructive"


def _date(argv: Argv) -> Iterator[Effect]:
    """Judge date, which sets the clock to an operand that is not a format."""
    if any(not word.startswith("+") for word in argv.operands):
        yield "privilege"


def _privileged(argv: Argv) -> Iterator[Effect]:
    if argv.operands:
        yield "privilege"


def _configured(argv: Argv) -> Iterator[Effect]:
    if len(argv.operands) > 1 or _may_be_more(argv.operands):
        yield "privilege"


def _ip(argv: Argv) -> Iterator[Effect]:
    thing, *rest = argv.operands or ("",)
    if ("netns".startswith(thing) or thing == "vrf") and rest[:1] == ["exec"]:
        yield from (Shell(" ".join(rest[start:])) for start in (1, 2))  # with `-all` there is no name
    if (rest and rest[0] not in _IP_READS) or _may_be_more((thing,)):
        yield "privilege"


def _service(argv: Argv) -> Iterator[Effect]:
    if argv.operands[1:2] not in ((), ("status",)) or _may_be_more(argv.operands):
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
    if _may_be_more(words):
        yield from ("writes", "runs_code")
    if len(words) > 1:
        yield "writes"
        if is_git_command(words[0]) or not is_known(words[0]):
            yield from ("runs_code", Shell(words[1].lstrip("!")))


OPERANDS: dict[str, Callable[[Argv], Iterator[Effect]]] = {
    "target": _target,
    "written": _written,
    "second": _second,
    "changed": _changed,
    "mode": _mode,
    "dd": _dd,
    "tar": _tar,
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
