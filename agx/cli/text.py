"""Making text safe to show: what a terminal would act on, or hide, is written as an escape."""

from __future__ import annotations

import re
from collections.abc import Sequence

# C0 and C1 controls, DEL, line separators, invisible direction marks and overrides, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_LAYOUT = "\n\t"


def visible(text: str) -> str:
    """Give the text on one line, with everything a terminal would not print as an escape."""
    return _UNSAFE.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Do the same, but keep line breaks and tabs: for texts of several lines."""
    return _UNSAFE.sub(lambda match: match[0] if match[0] in _LAYOUT else _escape(match), text)


def visible_json(text: str) -> str:
    """Escape in JSON text what JSON itself leaves raw; the value stays the same."""
    return _UNSAFE.sub(lambda match: match[0] if match[0] in _LAYOUT else f"\\u{ord(match[0]):04x}", text)


def shortened(text: str, limit: int) -> str:
    """Give at most `limit` characters, the last of them an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _escape(match: re.Match[str]) -> str:
    names = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    number = ord(match[0])
    return names.get(match[0]) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def in_quotes(words: Sequence[str]) -> str:
    """Give the words as one argument, quoted for a shell: how a usage error shows what to type."""
    text = shortened(" ".join(words), 200)
    if any(character in text for character in '"$`\\!\n'):
        import shlex  # noqa: PLC0415  only a mistake needs it

        return shlex.quote(text)
    return f'"{text}"'
