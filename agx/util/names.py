"""The nearest known name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the nearest known name, or nothing where none is near."""
    import difflib  # noqa: PLC0415  only a mistake needs it

    by_folded = {word.lower().replace("-", "_"): word for word in known}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]}?" if close else ""
