"""The texts that embeddings are asked of, checked alike for every backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agx.errors import UsageError


def checked_texts(texts: Iterable[str]) -> Sequence[str]:
    """Return the texts as a list; raises `UsageError` for one that says nothing, and for what is none."""
    if isinstance(texts, str):
        raise UsageError("the texts are one text", hint="give a list of texts")
    checked = list(texts)
    for place, text in enumerate(checked, start=1):
        if not isinstance(text, str):
            raise UsageError(f"text {place} is no text but {type(text).__name__}", hint="give texts")
        if not text.strip():
            raise UsageError(f"text {place} is empty", hint="leave empty texts out")
    return checked
