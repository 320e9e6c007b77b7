"""What of the tools' schemas a model is held to while it writes, and what is checked afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agx.plan.tools import ToolInfo
from agx.util.texts import visible


def held_schemas(tools: Iterable[ToolInfo]) -> dict[str, Any]:
    """Return for each function the JSON pointers to what is held in part, and to what is only checked."""
    return {
        tool.name: {"held_in_part": list(tool.approximated), "only_checked": list(tool.left_out)}
        for tool in tools
        if tool.schema is not None
    }


def held_text(tools: Iterable[ToolInfo], count: str) -> str:
    """Return how many tools there are, and a line a function that has more than a model is held to."""
    lines = [f"ok: {count}"]
    for name, unheld in held_schemas(tools).items():
        said = [
            f"{words}: {', '.join(unheld[key])}"
            for key, words in (("held_in_part", "held in part"), ("only_checked", "only checked"))
            if unheld[key]
        ]
        if said:
            lines.append(visible(f"{name}  " + "; ".join(said)))
    return "\n".join(lines)
