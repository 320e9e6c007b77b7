"""Patterns of schemas as people write them: with JavaScript's slashes, and sets that JSON Schema lacks."""

from __future__ import annotations

import re

from agx.tools.problems import Place, Problems

# `/^…$/i`: a slash before `^` and after `$` never matches, so it is not meant as a character.
_LITERAL = re.compile(r"/(\^.*|.*\$)/([dgimsuvy]*)", re.DOTALL)
_POSIX = re.compile(
    r"\[\[:\^?(alpha|digit|alnum|upper|lower|space|punct|xdigit|word|blank|cntrl|print|graph):\]"
)


def adapted_pattern(pattern: str, place: Place, problems: Problems) -> str:
    """Return a pattern without JavaScript's slashes, and warn of what it hardly means."""
    literal = _LITERAL.fullmatch(pattern)
    if literal is not None:
        problems.warn("the slashes around the pattern were taken as JavaScript's, not as characters", place)
        flags = "".join(flag for flag in "is" if flag in literal[2])
        pattern = (f"(?{flags})" if flags else "") + literal[1]
    if (posix := _POSIX.search(pattern)) is not None:
        problems.warn(
            f"JSON Schema has no `[:{posix[1]}:]`: it is read as JavaScript reads it, as a set of these "
            "characters, so hardly any text fits",
            place,
        )
    return pattern
