"""The tools that an option names, with what there is to say about their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agx.cli.output import Notes
    from agx.plan.tools import Registry


def chosen_registry(path: Path | None, *, notes: Notes) -> Registry:
    """Give the tools of a file, or the built-in ones; raises `RegistryInvalid`.

    What was taken out of descriptions is told as warnings.
    """
    if path is None:
        from agx.plan.tools import unix_registry  # noqa: PLC0415  imports pydantic

        return unix_registry()
    from agx.registry.files import load_registry  # noqa: PLC0415  few have such a file

    registry = load_registry(path)
    for warning in registry.warnings:
        notes.warning(warning)
    return registry
