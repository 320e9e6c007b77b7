"""Texts that people read: made visible, shortened, and the nearest name to a mistyped one.

What a terminal or a browser would act on, or would hide, is shown as an escape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

# C0 and C1 controls, DEL, line separators, lone surrogates, and invisible characters: direction marks and
# overrides, joiners, fillers, tags. Variation selectors are allowed, since emoji are written with them.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_LAYOUT = "\n\t"
_NAMES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def visible(text: str) -> str:
    """Return the text on one line, with everything a terminal would not print as an escape."""
    return UNSAFE.sub(lambda match: escaped(match[0]), text)


def visible_lines(text: str) -> str:
    """Return the text as `visible` does, but with its line breaks and tabs: for texts of several lines."""
    return UNSAFE.sub(lambda match: match[0] if match[0] in _LAYOUT else escaped(match[0]), text)


def visible_json(text: str) -> str:
    """Return JSON text with escapes for what JSON itself leaves raw; the value stays the same."""
    return UNSAFE.sub(lambda match: match[0] if match[0] in _LAYOUT else json.dumps(match[0])[1:-1], text)


def escaped(character: str) -> str:
    r"""Return one character as an escape: `\n`, `\x1b`, `\u202e`, `\U000e0041`."""
    number = ord(character)
    width = (2, "x") if number < 0x100 else (4, "u") if number < 0x10000 else (8, "U")
    return _NAMES.get(character) or f"\\{width[1]}{number:0{width[0]}x}"


def shortened(text: str, limit: int) -> str:
    """Return at most `limit` characters, the last of them an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the nearest known name, or nothing where none is near."""
    import difflib  # noqa: PLC0415  only a mistake needs it

    by_folded = {word.lower().replace("-", "_"): word for word in known}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]}?" if close else ""
