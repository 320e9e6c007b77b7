"""The roles, as data: Echo drafts a plan fast, Delta takes a draft and refines it.

A role's prompt is in `agx.prompts` under its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agx.backends.plan_requests import PlanOptions
from agx.backends.specs import ModelChoice


class ModelRole(StrEnum):
    """Which roles a planning goes through; `both` drafts and refines."""

    ECHO = "echo"
    DELTA = "delta"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Role:
    """One role: its name, its model, and how that generates a plan."""

    name: ModelRole
    choice: ModelChoice
    options: PlanOptions = field(default_factory=PlanOptions)
