"""What a server says went wrong, in whatever form it says so, as one line."""

from __future__ import annotations

import json

_MAX_CHARS = 300


def said_of(error: object) -> str:
    """Return what an error object of any server says, as one line of at most `_MAX_CHARS` characters."""
    if isinstance(error, dict):
        inner = error.get("error", error.get("detail", error.get("message")))
        if inner is not None and inner is not error:
            return said_of(inner)
    text = error if isinstance(error, str) else "" if error is None else str(error)
    text = " ".join(text.split())
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"


def said_in(body: bytes) -> str:
    """Return what the body of a refusal says; nothing of a page for people."""
    text = body.decode(errors="replace")
    try:
        return said_of(json.loads(text))
    except (ValueError, RecursionError):
        return "" if text.lstrip().startswith("<") else said_of(text)
