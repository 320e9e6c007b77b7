"""Which arguments are patterns for the tool itself, so that no shell would expand them as meant.

`find -name *.c` and `grep a.*b file` mean the pattern, whether it was quoted or not.
"""

from __future__ import annotations

import re

from agx.unix.options import unix_options
from agx.unix.table import wrapper_of

# A set begins at the first bracket behind the one that closed the last: so each is looked at once.
_WILDCARD = re.compile(r"[*?]|(?:^|[\]\0])[^\[\]\0]*+\[[^\]\0]++\]")
# These mean a pattern in whatever tool has them; the other options are told by `agx.unix.options`.
_PATTERN_OPTIONS = frozenset(
    "-name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex "
    "--include --exclude --exclude-dir --include-dir --ignore --hide --wildcards".split()
)
_FIRST_OPERAND = frozenset(
    "grep egrep fgrep zgrep zegrep rgrep sed awk gawk mawk nawk perl tr expr rename".split()
)
EXEC_OPTIONS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
BIN_FOLDERS = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/local/bin/")


def has_wildcard(text: str) -> bool:
    """Return whether a shell would take this unquoted text as a pattern of file names."""
    return _WILDCARD.search(text) is not None


def is_option_value(tool: str, option: str) -> bool:
    """Return whether the word after this option of this tool is the option's value."""
    options = unix_options(tool)
    return options is not None and options.takes_value(option)


class PatternPlaces:
    r"""Walks the arguments of one command and says of each whether the tool wants it as a pattern.

    It follows commands that run others: `sudo grep p`, `xargs sed s`, `find -exec grep p {} \;`.
    Of the last argument `tool` says whose it was, and `is_operand` whether it was one besides a pattern.
    """

    def __init__(self, command: str) -> None:
        self._outer = command
        self.is_operand = False
        self._option = ""
        self._enter(command)

    def is_pattern(self, text: str) -> bool:
        """Take the next argument's text and say whether it is a pattern for its tool."""
        option, self._option, self.is_operand = self._option, "", False
        if option in EXEC_OPTIONS or self._runs(text, after=option):
            self._enter(text)
            return False
        if self._outer == "find" and text in (";", "+"):
            self._enter("find")
            return False
        if self._wants_pattern(option):
            self._seen_pattern |= option == "-e"  # what `--include` wants is not grep's expression
            return True
        if text.startswith("-") and len(text) > 1:
            return self._take_option(text)
        return not self._has_value(option) and self._take_operand()

    def _take_option(self, text: str) -> bool:
        name, joined, _ = text.partition("=")
        if joined and self._wants_pattern(name):
            return True
        self._option = text
        self._seen_pattern |= text in ("-f", "-e") and self.tool in _FIRST_OPERAND
        return False

    def _take_operand(self) -> bool:
        self.is_operand = self._seen_pattern or self.tool not in _FIRST_OPERAND
        self._seen_pattern |= not self.is_operand
        return not self.is_operand

    def _runs(self, text: str, *, after: str) -> bool:
        """Return whether this argument is the command that the tool runs."""
        row = self._wrapper
        if row is None or text.startswith("-") or self._has_value(after) or row.is_skipped(text):
            return False
        self._before -= 1
        return self._before < 0

    def _enter(self, tool: str) -> None:
        self.tool, self._seen_pattern, self._option = tool, False, ""
        self._wrapper = wrapper_of(tool)
        self._before = 0 if self._wrapper is None else self._wrapper.before

    def _has_value(self, option: str) -> bool:
        if self._wrapper is not None:
            return option in self._wrapper.kinds and option not in self._wrapper.joined
        return is_option_value(self.tool, option)

    def _wants_pattern(self, option: str) -> bool:
        options = unix_options(self.tool)
        return option in _PATTERN_OPTIONS or (options is not None and option in options.pattern)
