r"""What an argument is to the tool that gets it: a pattern of the tool's own, an operand, or neither.

`find -name *.c` and `grep a.*b file` mean the pattern, whether it was quoted or not, so no shell would
expand it as meant. Commands inside others are followed: `sudo grep p`, `find -exec grep p {} \;`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agx.unix.argv import Argv
from agx.unix.argv_reader import read_argv
from agx.unix.command_specs import CommandSpec, spec_of
from agx.unix.runs import tool_name

# A set begins at the first bracket behind the one that closed the last: so each is looked at once.
_WILDCARD = re.compile(r"[*?]|(?:^|[\]\0])[^\[\]\0]*+\[[^\]\0]++\]")
# These mean a pattern in whatever tool has them.
_PATTERN_OPTIONS = frozenset(
    "-name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex "
    "--include --exclude --exclude-dir --include-dir --ignore --hide --wildcards".split()
)

_PATHS = frozenset({"paths", "files", "places", "scripts"})


class WordRole(NamedTuple):
    """What one argument is, and to which tool; an operand is one besides a pattern.

    `is_path` holds for the value of an option that takes a file or a folder.
    """

    tool: str
    is_pattern: bool = False
    is_operand: bool = False
    is_path: bool = False


def has_wildcard(text: str) -> bool:
    """Return whether a shell would take this unquoted text as a pattern of file names."""
    return _WILDCARD.search(text) is not None


def roles(command: str, words: Sequence[str]) -> list[WordRole]:
    """Return what each word behind a command's name is."""
    found = [WordRole(command)] * len(words)
    waiting = [(command, 0, len(words))]
    while waiting:
        name, start, end = waiting.pop()
        tool = tool_name(name)
        argv = read_argv(words[start:end], spec_of(tool) or CommandSpec(name=tool, family=tool))
        found[start:end] = _own(tool, argv)
        waiting += [(words[start + at], start + at + 1, start + stop) for at, stop in argv.commands]
    return found


def _own(tool: str, argv: Argv) -> Iterator[WordRole]:
    """Yield what each word is to the tool itself; what belongs to another command is nothing yet."""
    spec = argv.spec
    has_pattern = not spec.pattern_first or argv.has(*spec.pattern_options)
    joined = {option.at for option in argv.options if option.value and spec.is_pattern(option.name)}
    before = ""
    for at, word in enumerate(argv.words):
        is_option = word.kind in ("option", "unknown")
        is_pattern = word.text.partition("=")[0] in _PATTERN_OPTIONS and "=" in word.text
        if is_option:
            following = argv.words[at + 1 : at + 2]
            is_pattern |= at in joined and not any(one.kind == "value" for one in following)
        elif before in _PATTERN_OPTIONS or (word.kind == "value" and spec.is_pattern(word.option)):
            is_pattern = True
        elif word.kind == "operand" and not has_pattern:
            is_pattern = has_pattern = True
        is_path = word.kind == "value" and spec.kinds.get(word.option) in _PATHS
        yield WordRole(tool, is_pattern, word.kind == "operand" and not is_pattern, is_path)
        before = word.text if is_option else ""
