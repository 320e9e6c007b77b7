"""What `--dry-run` prints: the prompt, the schema and the parameters with where each came from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from agx.cli.text import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from agx.planning.planner import PromptPreview
    from agx.settings.layers import Settings


def preview_json(preview: PromptPreview, settings: Settings) -> str:
    """Return the preview as one JSON object."""
    data = {
        "prompt": preview.prompt,
        "prompt_tokens": preview.prompt_tokens,
        "parameters": _parameters(preview, settings),
        "settings": {
            name: {"value": given.value, "origin": given.origin} for name, given in settings.given.items()
        },
        "tools_offered": preview.tools_offered,
        "schema": preview.schema,
    }
    return visible_json(json.dumps(data, indent=2, ensure_ascii=False))


def preview_text(preview: PromptPreview, settings: Settings) -> str:
    """Return the preview for people."""
    rows = _parameters(preview, settings)
    width = max(map(len, rows))
    lines = [f"{name:{width}}  {_shown(row['value']):10}  {row['origin']}" for name, row in rows.items()]
    return "\n".join(
        (
            f"# Prompt ({preview.prompt_tokens} tokens)",
            visible_lines(preview.prompt),
            "",
            *_offered(preview),
            "# Schema",
            visible_json(json.dumps(preview.schema, ensure_ascii=False)),
            "",
            "# Parameters",
            *lines,
        )
    )


def _offered(preview: PromptPreview) -> tuple[str, ...]:
    """Return the lines about the tools, where not all of them are offered."""
    names = preview.tools_offered
    if names is None:
        return ()
    return (f"# Tools offered ({len(names)})", visible_lines(" ".join(names)), "")


def _shown(value: object) -> str:
    return visible(", ".join(value)) if isinstance(value, tuple) else str(value)


def _parameters(preview: PromptPreview, settings: Settings) -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for name, value in asdict(preview.parameters).items():
        given = settings.given[name]
        # What differs from the settings was decided by the role or its model.
        origin = given.origin if given.value == value else f"role {settings.text('model_role')}"
        rows[name] = {"value": value, "origin": origin}
    for name in ("seed", "forbid", "risk"):
        given = settings.given[name]
        rows[name] = {"value": given.value, "origin": given.origin}
    return rows
