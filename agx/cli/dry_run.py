"""What `--dry-run` prints: the prompt, the schema and the parameters with where each came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agx.app.dry_run import parameter_rows, preview_data
from agx.util.texts import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from agx.planning.planner import PromptPreview
    from agx.settings.layers import Settings


def preview_json(preview: PromptPreview, settings: Settings) -> str:
    """Return the preview as one JSON object."""
    return visible_json(json.dumps(preview_data(preview, settings), indent=2, ensure_ascii=False))


def preview_text(preview: PromptPreview, settings: Settings) -> str:
    """Return the preview for people."""
    rows = parameter_rows(preview, settings)
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
