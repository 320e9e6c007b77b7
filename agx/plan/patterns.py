"""Which arguments are patterns for the tool itself, so that no shell would expand them as meant.

`find -name *.c` and `grep a.*b file` mean the pattern, whether it was quoted or not.
"""

from __future__ import annotations

import re

from agx.plan.options import unix_options

_WILDCARD = re.compile(r"[*?]|\[[^\]\0]+\]")
# These mean a pattern in whatever tool has them; the other options are told by `agx.plan.options`.
_PATTERN_OPTIONS = frozenset(
    "-name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex "
    "--include --exclude --exclude-dir --include-dir --ignore --hide --wildcards".split()
)
_FIRST_OPERAND = frozenset(
    "grep egrep fgrep zgrep zegrep rgrep sed awk gawk mawk nawk perl tr expr rename".split()
)
WRAPPERS = frozenset("sudo xargs time nice nohup env watch timeout command exec stdbuf ionice".split())
EXEC_OPTIONS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
BIN_FOLDERS = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/local/bin/")


def has_wildcard(text: str) -> bool:
    """Say whether a shell would take this unquoted text as a pattern of file names."""
    return _WILDCARD.search(text) is not None


def is_option_value(tool: str, option: str) -> bool:
    """Say whether the word after this option of this tool is the option's value."""
    options = unix_options(tool)
    return options is not None and options.takes_value(option)


def is_before_command(tool: str, operand: str) -> bool:
    """Say whether an operand only precedes the command: timeout's duration, env's assignments."""
    return (tool == "timeout" and operand[:1].isdigit()) or (tool in ("env", "sudo") and "=" in operand)


class PatternPlaces:
    r"""Walks the arguments of one command and says of each whether the tool wants it as a pattern.

    It follows commands that run others: `sudo grep p`, `xargs sed s`, `find -exec grep p {} \;`.
    """

    def __init__(self, command: str) -> None:
        self._outer = command
        self._tool = command
        self._seen_pattern = False
        self._option = ""

    def is_pattern(self, text: str) -> bool:
        """Take the next argument's text and say whether it is a pattern for its tool."""
        option, self._option = self._option, ""
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
        return self._take_operand(is_value=self._has_value(option))

    def _take_option(self, text: str) -> bool:
        name, joined, _ = text.partition("=")
        if joined and self._wants_pattern(name):
            return True
        self._option = text
        self._seen_pattern |= text in ("-f", "-e") and self._tool in _FIRST_OPERAND
        return False

    def _take_operand(self, *, is_value: bool) -> bool:
        if is_value or self._seen_pattern or self._tool not in _FIRST_OPERAND:
            return False
        self._seen_pattern = True
        return True

    def _runs(self, text: str, *, after: str) -> bool:
        """Say whether this argument is the command that the tool runs."""
        is_operand = not text.startswith("-") and not self._has_value(after)
        return self._tool in WRAPPERS and is_operand and not is_before_command(self._tool, text)

    def _enter(self, tool: str) -> None:
        self._tool, self._seen_pattern, self._option = tool, False, ""

    def _has_value(self, option: str) -> bool:
        return is_option_value(self._tool, option)

    def _wants_pattern(self, option: str) -> bool:
        options = unix_options(self._tool)
        return option in _PATTERN_OPTIONS or (options is not None and option in options.pattern)
