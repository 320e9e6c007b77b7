"""Operands that are files: where something is put, and what is written or changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from posixpath import basename, join, normpath, splitext

from agx.risk.effect_types import Effect, Writes
from agx.risk.run_later import runs_later
from agx.risk.written_paths import is_system
from agx.unix.argv import Argv
from agx.unix.calls import MANY, OPEN
from agx.unix.special_files import NULL_DEVICE, is_empty

# A mode that lets a program run as its owner or group.
_SET_ID = re.compile(r"0?[2-7]\d{3}|.*[+=]\w*s\w*")
# What a file that runs later loses with them is run by nobody, or they make no file.
_ONLY_REMOVE = frozenset({"rm", "shred"})
_MAKE_OTHERS = frozenset({"mkdir", "mkfifo", "mknod"})
_KEEPS_NAME = ("-O", "--remote-name", "--remote-name-all", "-J", "--remote-header-name")
_PACKED = re.compile(r"\.(?:t?gz|bz2|t?xz|zst|lz|lzma|Z)$")


def may_set_id(mode: str) -> bool:
    """Return whether a file's mode lets it run as its owner or group."""
    return _SET_ID.fullmatch(mode) is not None


def may_be_more(words: Sequence[str]) -> bool:
    """Return whether these words are more than they seem: a pattern's files, the words of an output."""
    return any(MANY in word or OPEN in word for word in words)


def _may_be_folder(path: str) -> bool:
    """Return whether a path may be a folder, by its name: `conf.d` may be one, and `a.txt` is a file."""
    return splitext(basename(path))[1] in ("", ".", ".d")


def _target(argv: Argv) -> Iterator[Effect]:
    """Judge the last operand, where files are put; a copy of nothing empties what was there."""
    has_place = argv.has("-t", "--target-directory")
    *sources, last = argv.operands or ("",)
    if has_place:
        places = argv.values("-t", "--target-directory")
        yield from (Writes(join(place, basename(name))) for place in places for name in argv.operands)
        return
    if not sources:
        yield from (Writes(basename(last)) for _ in filter(None, [last]) if argv.spec.family == "ln")
        return
    yield Writes(last)
    if len(sources) > 1 or _may_be_folder(last):
        yield from (Writes(join(last, basename(normpath(name)))) for name in sources)
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
    if may_be_more(argv.operands[:1]):
        yield "writes"


def _changed(argv: Argv) -> Iterator[Effect]:
    """Judge files that are changed or removed; what is put into one that runs later is run."""
    if any(map(is_system, argv.operands)):
        yield "privilege"
    puts_text = argv.spec.family not in _ONLY_REMOVE and argv.spec.name not in _MAKE_OTHERS
    if puts_text and any(runs_later(_PACKED.sub("", path)) for path in argv.operands):
        yield "runs_code"


def _mode(argv: Argv) -> Iterator[Effect]:
    """Judge chmod, chown and their like, whose first operand is what is set."""
    paths = argv.operands if argv.has("--reference") else argv.operands[1:]
    if any(map(is_system, paths)):
        yield "privilege"
        if argv.has("-R", "--recursive"):
            yield "destructive"
    if argv.spec.family == "chmod" and any(map(runs_later, paths)):
        yield "runs_code"  # a hook runs once it may
    if argv.spec.family == "chmod" and any(map(may_set_id, argv.operands[:1])):
        yield "privilege"


def _download(argv: Argv) -> Iterator[Effect]:
    """Judge what a download is called: after the last name of its address, where no option names it."""
    folders = [*argv.values("--output-dir", "-P", "--directory-prefix", "-d", "--dir"), ""]
    if argv.spec.family == "curl" and not argv.has(*_KEEPS_NAME):
        return
    if argv.spec.family == "wget" and argv.has("-O", "--output-document"):
        return
    for address in (*argv.operands, *argv.values("--url")):
        name = basename(re.split(r"[?#]", address)[0])
        yield from (Writes(join(folder, name)) for folder in folders if name)


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


FILE_OPERANDS: dict[str, Callable[[Argv], Iterator[Effect]]] = {
    "target": _target,
    "written": _written,
    "second": _second,
    "changed": _changed,
    "mode": _mode,
    "dd": _dd,
    "download": _download,
    "tar": _tar,
}
