"""Which arguments are patterns for the tool itself, so that no shell would expand them as meant.

`find -name *.c` and `grep a.*b file` mean the pattern, whether it was quoted or not.
"""

from __future__ import annotations

import re

_WILDCARD = re.compile(r"[*?]|\[[^\]\0]+\]")
_PATTERN_OPTIONS = frozenset(
    "-name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex "
    "--include --exclude --exclude-dir --include-dir --ignore --hide --wildcards".split()
)
_TOOL_PATTERN_OPTIONS = {
    "grep": ("-e",), "egrep": ("-e",), "zgrep": ("-e",), "sed": ("-e",), "tree": ("-P", "-I"), "ls": ("-I",)
}  # fmt: skip
_FIRST_OPERAND = frozenset("grep egrep fgrep zgrep zegrep rgrep sed awk gawk mawk nawk perl tr expr rename".split())
_OPTIONS_WITH_VALUE = {
    "grep": frozenset({"-A", "-B", "-C", "-m", "-f", "-d"}),
    "awk": frozenset({"-F", "-v", "-f"}),
    "sed": frozenset({"-f", "-l"}),
    "xargs": frozenset({"-I", "-n", "-P", "-L", "-d", "-s", "-E", "-a"}),
    "sudo": frozenset({"-u", "-g", "-h", "-p"}),
    "nice": frozenset({"-n"}),
    "watch": frozenset({"-n"}),
    "env": frozenset({"-u"}),
    "timeout": frozenset({"-s", "-k"}),
}
WRAPPERS = frozenset("sudo xargs time nice nohup env watch timeout command exec stdbuf ionice".split())
_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def has_wildcard(text: str) -> bool:
    """Say whether a shell would take this unquoted text as a pattern of file names."""
    return _WILDCARD.search(text) is not None


def is_option_value(tool: str, option: str) -> bool:
    """Say whether the word after this option of this tool is the option's value."""
    base = {"egrep": "grep", "fgrep": "grep", "gawk": "awk", "mawk": "awk"}.get(tool, tool)
    return option in _OPTIONS_WITH_VALUE.get(base, ())


class PatternPlaces:
    """Walks the arguments of one command and says of each whether the tool wants it as a pattern.

    It follows commands that run others: `sudo grep p`, `xargs sed s`, `find -exec grep p {} \\;`.
    """

    def __init__(self, command: str) -> None:
        self._outer = command
        self._tool = command
        self._seen_pattern = False
        self._option = ""

    def is_pattern(self, text: str) -> bool:
        """Take the next argument's text and say whether it is a pattern for its tool."""
        option, self._option = self._option, ""
        if option in _EXEC or (self._tool in WRAPPERS and not text.startswith("-") and not self._has_value(option)):
            self._enter(text)
            return False
        if self._outer == "find" and text in (";", "+"):
            self._enter("find")
            return False
        if self._wants_pattern(option) or self._wants_pattern(text.partition("=")[0], joined="=" in text):
            self._seen_pattern = True
            return True
        if text.startswith("-") and len(text) > 1:
            self._option = text
            self._seen_pattern |= text in ("-f", "-e") and self._tool in _FIRST_OPERAND
            return False
        if self._has_value(option) or self._seen_pattern or self._tool not in _FIRST_OPERAND:
            return False
        self._seen_pattern = True
        return True

    def _enter(self, tool: str) -> None:
        self._tool, self._seen_pattern, self._option = tool, False, ""

    def _has_value(self, option: str) -> bool:
        return is_option_value(self._tool, option)

    def _wants_pattern(self, option: str, *, joined: bool = True) -> bool:
        known = option in _PATTERN_OPTIONS or option in _TOOL_PATTERN_OPTIONS.get(self._tool, ())
        return known and joined and option.startswith("-")
