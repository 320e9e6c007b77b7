"""What a dry run shows: the prompt, the schema or grammar, and the parameters with where each came from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agx.planning.planner import PromptPreview
    from agx.settings.layers import Settings

Rows = dict[str, dict[str, object]]
_MORE_SETTINGS = ("seed", "forbid", "risk")


def preview_data(preview: PromptPreview, settings: Settings) -> dict[str, Any]:
    """Return the preview as one JSON object."""
    return {
        "prompt": preview.prompt,
        "prompt_tokens": preview.prompt_tokens,
        "parameters": parameter_rows(preview, settings),
        "settings": {
            name: {"value": given.value, "origin": given.origin} for name, given in settings.given.items()
        },
        "tools_offered": preview.tools_offered,
        "examples": preview.examples,
        "dialect": preview.dialect,
        "schema": preview.schema,
    } | ({} if preview.grammar is None else {"grammar": preview.grammar})


def parameter_rows(preview: PromptPreview, settings: Settings) -> Rows:
    """Return each parameter's value and origin by its name."""
    rows: Rows = {}
    for name, value in asdict(preview.parameters).items():
        given = settings.given[name]
        # What differs from the settings was decided by the role or its model.
        origin = given.origin if given.value == value else f"role {settings.text('model_role')}"
        rows[name] = {"value": value, "origin": origin}
    for name in _MORE_SETTINGS:
        given = settings.given[name]
        rows[name] = {"value": given.value, "origin": given.origin}
    return rows
