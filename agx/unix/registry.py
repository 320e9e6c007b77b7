"""The built-in registry: `unix_tools.jsonl` names the Unix commands that the NL2Bash corpus uses.

Their options stand in a file of their own, see `agx.unix.command_specs`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from agx.plan.tools import Registry, ToolInfo

CATEGORIES = (
    "files", "search", "text", "archive", "disk", "process", "system", "network", "security", "databases",
    "users", "packages", "development", "media", "numbers", "shell",
)  # fmt: skip
"""The categories of the built-in tools; a registry of one's own may use others."""


@cache
def unix_registry() -> Registry:
    """Return the built-in registry of Unix commands."""
    text = Path(__file__).with_name("unix_tools.jsonl").read_text(encoding="utf-8")
    return Registry.of((_tool(json.loads(line)) for line in text.splitlines() if line), kind="unix")


def _tool(row: dict[str, Any]) -> ToolInfo:
    row["risk"] = tuple(row["risk"])
    if "exit_codes" in row:
        row["exit_codes"] = tuple(row["exit_codes"])
    return ToolInfo(**row)
