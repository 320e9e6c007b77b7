"""The tools that an option names, with what there is to say about their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agx.app.registries import registry_of_files

if TYPE_CHECKING:
    from agx.cli.output import Notes
    from agx.plan.tools import Registry


def chosen_registry(files: Sequence[str], *, notes: Notes) -> Registry:
    """Return the tools of the files, as `registry_of_files`, and tell what was changed in them."""
    registry = registry_of_files(files)
    for warning in registry.warnings:
        notes.warning(warning)
    return registry
