"""Why a plan was cut off: its budget or the context ended, and perhaps the model repeats itself."""

from __future__ import annotations

import zlib

from agx.errors import PlanTruncated
from agx.requests import Usage

# A plan's JSON shrinks to a third or a half, and one that goes round in circles to less than a fifth.
_LEAST_CHARACTERS = 200
_REPETITIVE_RATIO = 0.2


def truncated(text: str, usage: Usage, *, max_tokens: int, context_length: int | None) -> PlanTruncated:
    """Return the error for a plan that was cut off, with what would help.

    `max_tokens` is what the request allowed, `context_length` what the context can hold, in tokens.
    """
    if context_length and usage.prompt_tokens + usage.completion_tokens >= context_length:
        return PlanTruncated(
            f"the plan was not finished when the context of {context_length:,} tokens was full",
            hint=_hint(text, "set a larger --context-size, offer fewer tools, or ask for less at once"),
            text=text,
        )
    return PlanTruncated(
        f"the plan was not finished within {max_tokens} tokens",
        hint=_hint(text, "allow more with --max-tokens, or ask for less at once"),
        text=text,
    )


def _hint(text: str, otherwise: str) -> str:
    """Return what would help; more room is of no use to a model that goes round in circles."""
    if repeats_itself(text):
        return "the model repeats itself: try --repeat-penalty 1.1, or use a larger model"
    return otherwise


def repeats_itself(text: str) -> bool:
    """Return whether a text says hardly more than a small part of it."""
    data = text.encode(errors="replace")
    return len(text) >= _LEAST_CHARACTERS and len(zlib.compress(data)) < _REPETITIVE_RATIO * len(data)
