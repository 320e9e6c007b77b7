"""The roles, as data: Echo drafts a plan fast, Delta takes a draft and refines it.

A role is a model and its parameters; its prompt is in `agx.prompts` under its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agx.backends.base import Parameters


class ModelRole(StrEnum):
    """Which roles a planning goes through; `both` drafts and refines."""

    ECHO = "echo"
    DELTA = "delta"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Role:
    """One role: its name, its model (a name or a path) and its generation parameters.

    `tools_limit` is how many tools that model handles well: 0 is any number, None leaves it to model
    and tools.
    """

    name: ModelRole
    model: str
    parameters: Parameters = field(default_factory=Parameters)
    tools_limit: int | None = None
