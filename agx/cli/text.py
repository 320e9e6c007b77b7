"""Making text safe to show: what a terminal would act on, or hide, is written as an escape."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agx.util.visible import UNSAFE, escaped, shortened, visible

__all__ = ["in_quotes", "shortened", "visible", "visible_json", "visible_lines"]

_LAYOUT = "\n\t"


def visible_lines(text: str) -> str:
    """Return the text as `visible` does, but with its line breaks and tabs: for texts of several lines."""
    return UNSAFE.sub(lambda match: match[0] if match[0] in _LAYOUT else escaped(match[0]), text)


def visible_json(text: str) -> str:
    """Escape in JSON text what JSON itself leaves raw; the value stays the same."""
    return UNSAFE.sub(lambda match: match[0] if match[0] in _LAYOUT else json.dumps(match[0])[1:-1], text)


def in_quotes(words: Sequence[str]) -> str:
    """Return the words as one argument, quoted for a shell: how a usage error shows what to type."""
    text = shortened(" ".join(words), 200)
    if any(character in text for character in '"$`\\!\n'):
        import shlex  # noqa: PLC0415  only a mistake needs it

        return shlex.quote(text)
    return f'"{text}"'
