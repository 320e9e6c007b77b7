"""JSON pointers (RFC 6901): where in a JSON text something stands."""

from __future__ import annotations


def pointer_step(key: str | int) -> str:
    """Return a key as a step of a JSON pointer (RFC 6901)."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")
