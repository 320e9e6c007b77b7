"""What a chat template can do, guessed from its text.

Only rendering it tells for certain, as `agx.engine.chat.probed` does before a prompt is written. That takes a
sandbox, which a card does without; the tests compare the two.
"""

from __future__ import annotations

import re

from agx.util.frozen import dataclass

_TOOLS = re.compile(r"\b(?:tools|functions|available_tools|builtin_tools)\b")
_SYSTEM = re.compile(r"""["']system["']|<\|?system|<<SYS>>|system_message""", re.IGNORECASE)
_ROLE = re.compile(r"\brole\b")
# As in "System role not supported".
_NO_SYSTEM = re.compile(
    r"""raise_exception\(\s*["'][^"']{0,200}(?:no system|system[^"']{0,40} not )""", re.IGNORECASE
)
_THINKING = re.compile(
    r"<\|?/?(?:\w{1,20}[:_])?(?:think|thinking|thoughts?)\|?>|◁/?think▷|\[/?THINK\]"
    r"|\benable_thinking\b|\breasoning_content\b|<\|channel\|?>(?:analysis|thought)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TemplateTraits:
    """Whether a template takes tools and system messages, and whether its model reasons."""

    has_tools: bool = False
    has_system: bool = False
    thinks: bool = False


def traits_of(template: str | None) -> TemplateTraits:
    """Return the traits of a template; a missing one has none."""
    if template is None:
        return TemplateTraits()
    return TemplateTraits(
        has_tools=_TOOLS.search(template) is not None,
        has_system=_has_system(template),
        thinks=_THINKING.search(template) is not None,
    )


def _has_system(template: str) -> bool:
    """Return whether system messages are written: by that name, or as every role is by its own."""
    if _NO_SYSTEM.search(template):
        return False
    written = (part.partition("}}")[0] for part in template.split("{{")[1:])
    return _SYSTEM.search(template) is not None or any(
        _ROLE.search(expression) and "raise_exception" not in expression and "==" not in expression
        for expression in written
    )
