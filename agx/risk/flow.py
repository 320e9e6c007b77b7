"""What one call leaves to another: text through a pipe, nothing at all, files from the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from posixpath import basename, normpath

from agx.unix.calls import Call, is_known
from agx.unix.special_files import is_empty

_LITERAL = frozenset({"echo", "printf"})
_ECHO_OPTION = re.compile(r"-[neE]+")
_NO_COUNT = re.compile(r"(?:^| )(?:-[nc] ?|--(?:lines|bytes)[= ])0(?: |$)")


def printed_text(call: Call) -> str:
    """Return the text that a call prints, where it is written in the call; of any other nothing."""
    if call.name not in _LITERAL:
        return ""
    words = [word for word in call.words if not _ECHO_OPTION.fullmatch(word)]
    return " ".join(words).replace("\\n", "\n")


def prints_nothing(call: Call) -> bool:
    """Return whether a call prints nothing, so that the file that gets its output is emptied."""
    if call.name in (":", "true", "false"):
        return True
    if call.name in _LITERAL:
        quiet = call.name == "printf" or any(
            "n" in word for word in call.words if _ECHO_OPTION.fullmatch(word)
        )
        return quiet and printed_text(call).strip() == ""
    if call.name in ("cat", "head", "tail"):
        files = [word for word in call.words if not word.startswith("-")]
        counts_none = call.name != "cat" and _NO_COUNT.search(" ".join(call.words)) is not None
        return counts_none or (files != [] and all(map(is_empty, files)))
    return False


def reads_its_output(calls: Sequence[Call], place: int) -> bool:
    """Return whether a call, or one that feeds it, reads the file of its output: it is emptied first."""
    path, at = calls[place].output, place
    while path is not None:
        call = calls[at]
        if path in call.words and call.name not in (*_LITERAL, "find"):
            return True
        if call.piped is None or call.piped >= at:
            break
        at = call.piped
    return False


def brought_files(call: Call, written: Iterable[str]) -> set[str]:
    """Return the files that a call which talks to the network may leave behind, by name."""
    names = {basename(word.rstrip("/")) for word in call.words if is_known(word) and "/" in word}
    return {*written, *map(normpath, names)}
