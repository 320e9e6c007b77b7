"""What a chat template can do, told by its text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOOLS = re.compile(r"\b(?:tools|functions|available_tools|builtin_tools)\b")
_SYSTEM = re.compile(r"""["']system["']|<\|?system|<<SYS>>|system_message""", re.IGNORECASE)
_THINKING = re.compile(
    r"<\|?/?(?:START_|END_)?think(?:ing)?\|?>|\[/?THINK\]|\benable_thinking\b|reasoning_content",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TemplateTraits:
    """Whether a template takes tools and system messages, and whether it makes the model think."""

    has_tools: bool = False
    has_system: bool = False
    thinks: bool = False


def traits_of(template: str | None) -> TemplateTraits:
    """Read the traits off a template's text; none of a missing one."""
    if template is None:
        return TemplateTraits()
    return TemplateTraits(
        has_tools=_TOOLS.search(template) is not None,
        has_system=_SYSTEM.search(template) is not None,
        thinks=_THINKING.search(template) is not None,
    )
