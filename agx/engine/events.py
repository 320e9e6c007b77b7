"""What a step of the engine brings: text, the end of a generation, or why it failed."""

from __future__ import annotations

from typing import Literal

from agx.errors import AgxError
from agx.requests import FinishReason, PromptProgress, Usage
from agx.util.frozen import dataclass

Stage = Literal["idle", "prefill", "generating"]


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A piece of text of a running generation: of the answer, or of the reasoning before it."""

    request_id: int
    text: str
    is_reasoning: bool = False


@dataclass(frozen=True, slots=True)
class PromptEvent:
    """A part of a prompt was read, and there is more of it."""

    request_id: int
    progress: PromptProgress


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """The end of a generation. `warnings` are sentences about what became of its prompt."""

    request_id: int
    finish_reason: FinishReason
    usage: Usage
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The end of a generation that failed."""

    request_id: int
    error: AgxError


Event = TextEvent | PromptEvent | DoneEvent | ErrorEvent
