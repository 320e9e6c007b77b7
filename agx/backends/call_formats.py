"""In which formats a model writes the calls of tools, by a call that its chat template wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def call_formats(text: str, *, name: str, arguments: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the formats of a text that holds this call, by their names in `ModelFacts`: to read, to hold to.

    There are none of a template that writes no calls.
    """
    if not text:
        return {}
    # The embedded planner writes no tool calls.
    from agx.toolcalls.all_formats import taught_by  # noqa: PLC0415
    from agx.toolcalls.formats import format_in  # noqa: PLC0415

    call = (name, arguments)
    held = format_in(text, call)
    return {"call_reader": taught_by(text, call), "call_format": None if held is None else held.name}
