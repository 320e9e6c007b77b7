"""llguidance's compiled module: all that is used of it, without the package around it."""

from __future__ import annotations

from agx.util.imports import bare_package

with bare_package("llguidance"):
    from llguidance._lib import LLMatcher, LLTokenizer, get_version

__all__ = ["LLMatcher", "LLTokenizer", "version"]


def version() -> str:
    """Return llguidance's version, which it writes as `llguidance@1.9.1 derivre@0.3.13`."""
    first = get_version().split()[0]
    return first.removeprefix("llguidance@")
