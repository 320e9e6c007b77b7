"""The tools that an option names, with what there is to say about their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agx.cli.output import Notes
    from agx.plan.tools import Registry


def chosen_registry(files: Sequence[str], *, notes: Notes) -> Registry:
    """Return the tools of the files, as `registry_of_files`, and tell what was changed while they were read."""
    registry = registry_of_files(files)
    for warning in registry.warnings:
        notes.warning(warning)
    return registry


def registry_of_files(files: Sequence[str]) -> Registry:
    """Return the tools of the files, or without any the built-in ones; raises `RegistryInvalid`.

    Of tools with the same name that of the last file counts.
    """
    if not files:
        from agx.plan.tools import unix_registry  # noqa: PLC0415  imports pydantic

        return unix_registry()
    from agx.registry.combining import merged  # noqa: PLC0415  few have such a file
    from agx.registry.files import load_registry  # noqa: PLC0415  as above

    return merged(*map(load_registry, files))
