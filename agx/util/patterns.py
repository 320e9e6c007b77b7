"""Whether a text fits a regular expression, as JSON Schema means it; the only importer of `regex`.

The library has what `re` lacks: properties of characters, look-behind of any length, and a limit on the time
that a search may take.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

MAX_SEARCH_SECS = 1.0


class PatternError(ValueError):
    """A regular expression that is none, or that takes too long."""


def is_found(pattern: str, text: str) -> bool:
    """Return whether a text has a place that fits a regular expression; raises `PatternError`."""
    try:
        return compiled(pattern).search(text, timeout=MAX_SEARCH_SECS) is not None
    except TimeoutError as error:
        message = f"{pattern!r:.80} takes more than {MAX_SEARCH_SECS:g} s on a text"
        raise PatternError(message) from error


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> regex.Pattern[str]:
    """Return a regular expression ready for searching; raises `PatternError` with the reason."""
    import regex  # noqa: PLC0415 - only tools with patterns need it

    from agx.util.ecma.parsing import parse  # noqa: PLC0415 - as above
    from agx.util.ecma.writing import for_check  # noqa: PLC0415 - as above

    try:
        return regex.compile(for_check(parse(pattern)))
    except (ValueError, regex.error, OverflowError, RecursionError, MemoryError) as error:
        message = f"{pattern!r:.80} is no regular expression: {error}"
        raise PatternError(message) from error
