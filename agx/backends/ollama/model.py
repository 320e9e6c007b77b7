"""What /api/show says of a model, and what /api/chat says at the end of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agx.backends.base import ModelFacts
from agx.errors import BackendError
from agx.requests import FinishReason, ToolCall, Usage

_FINISHED: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_NANOSECONDS_A_MS = 1e6
_TIMINGS = {
    "total_duration": "server_total",
    "load_duration": "server_load",
    "prompt_eval_duration": "server_prompt",
    "eval_duration": "server_generation",
}


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A model as its server knows it. `context_length` is in tokens, None where it is not said."""

    name: str
    architecture: str = ""
    context_length: int | None = None
    planner_tools: str | None = None
    thinks: bool = False
    writes_text: bool = True

    @classmethod
    def shown(
        cls, name: str, *, info: Mapping[str, Any] | None, capabilities: tuple[str, ...] | None
    ) -> OllamaModel:
        """Read a model's metadata; what is not said, or of another type, keeps its default."""
        info = info or {}
        architecture, planner_tools = info.get("general.architecture"), info.get("agx.planner.tools")
        length = info.get(f"{architecture}.context_length")
        is_length = isinstance(length, int) and not isinstance(length, bool) and length > 0
        return cls(
            name,
            architecture=architecture if isinstance(architecture, str) else "",
            context_length=length if is_length else None,
            planner_tools=planner_tools if isinstance(planner_tools, str) else None,
            thinks=capabilities is not None and "thinking" in capabilities,
            writes_text=not capabilities or "completion" in capabilities,
        )

    @property
    def facts(self) -> ModelFacts:
        """What backends say of a model."""
        return ModelFacts(
            self.name,
            architecture=self.architecture,
            context_length=self.context_length,
            planner_tools=self.planner_tools,
            may_ignore_schema=True,
            calls_tools=True,
        )


def usage_of(last: Mapping[str, Any], *, seed: int) -> Usage:
    """Return the usage of an answer, by its last part; the durations there are nanoseconds."""
    durations = {name: last.get(key) for key, name in _TIMINGS.items()}
    return Usage(
        prompt_tokens=_count(last.get("prompt_eval_count")),
        completion_tokens=_count(last.get("eval_count")),
        seed=seed,
        timings_ms={
            name: ns / _NANOSECONDS_A_MS for name, ns in durations.items() if isinstance(ns, int) and ns >= 0
        },
    )


def finish_reason(last: Mapping[str, Any]) -> FinishReason:
    """Return why an answer ended; raises `BackendError` for one that was not generated to its end."""
    said = str(last.get("done_reason") or "stop")
    if said not in _FINISHED:
        raise BackendError(f"Ollama ended the answer with {said[:80]!r}", hint="try again")
    return _FINISHED[said]


def _count(number: object) -> int:
    return number if isinstance(number, int) and number > 0 else 0


def calls_of(calls: Iterable[Any]) -> tuple[ToolCall, ...]:
    """Return the calls of a message as the library reads them."""
    return tuple(
        ToolCall(call.function.name, dict(call.function.arguments), f"call_{place}")
        for place, call in enumerate(calls)
    )
