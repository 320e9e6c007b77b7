"""From the events of one answer to chunks: the text, the reasoning, the usage and why it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agx.backends.openai.events import Event
from agx.backends.openai.messages import said_of
from agx.errors import BackendError
from agx.requests import Chunk, FinishReason, TokenLogprob, ToolCall, Usage

_FINISHED: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
}


@dataclass(slots=True)
class _Call:
    """A call of a tool, which comes in pieces."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Answer:
    """What has come of an answer so far.

    `is_tool` says that its text is the arguments of a call, unless the model answers in words all the same.
    """

    is_tool: bool = False
    finish_reason: FinishReason | None = None
    num_pieces: int = 0
    texts: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of the answer that has come."""
        return "".join(self.texts)

    def read(self, event: Event) -> Iterator[Chunk]:
        """Yield the chunks of one event; raises `BackendError` where it is an error or no event."""
        _check(event)
        self.usage = _mapping(event.get("usage")) or self.usage
        self.timings = _mapping(event.get("timings")) or self.timings
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices:
            return
        choice = _mapping(choices[0])
        said = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
        yield from self._chunks(said, _logprobs(choice))
        if not self.is_tool:
            self._keep_calls(said.get("tool_calls"))
        reason = choice.get("finish_reason")
        if reason is not None:
            self.finish_reason = _finish_reason(reason)

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls of an answer that has ended; raises `BackendError` where one is broken."""
        return tuple(_tool_call(call, place) for place, call in sorted(self.calls.items()))

    def last(self, seed: int) -> Chunk:
        """Return the chunk with usage and finish reason; raises `BackendError` for an answer without end."""
        if self.finish_reason is None:
            raise BackendError(
                "the server's answer broke off before its end",
                hint="try again; what the server wrote to its log says more",
                text=self.text,
            )
        return Chunk("", finish_reason=self.finish_reason, usage=self._usage(seed))

    def _chunks(self, said: Mapping[str, Any], logprobs: tuple[TokenLogprob, ...]) -> Iterator[Chunk]:
        thought = said.get("reasoning_content") or said.get("reasoning")
        text = (_arguments(said) if self.is_tool else None) or said.get("content")
        for piece, is_reasoning in ((thought, True), (text, False)):
            if isinstance(piece, str) and piece:
                self.num_pieces += 1
                if not is_reasoning:
                    self.texts.append(piece)
                yield Chunk(piece, is_reasoning=is_reasoning, logprobs=() if is_reasoning else logprobs)

    def _keep_calls(self, pieces: object) -> None:
        for place, piece in enumerate(pieces if isinstance(pieces, list) else ()):
            data = _mapping(piece)
            function = _mapping(data.get("function"))
            index = data.get("index", place)
            call = self.calls.setdefault(index if isinstance(index, int) else place, _Call())
            call.id = call.id or _text(data.get("id"))
            call.name = call.name or _text(function.get("name"))
            arguments = function.get("arguments")
            call.arguments += json.dumps(arguments) if isinstance(arguments, dict) else _text(arguments)

    def _usage(self, seed: int) -> Usage:
        """Return the server's count; one that does not count sends a token a piece, or nearly."""
        prompt_details = _mapping(self.usage.get("prompt_tokens_details"))
        details = _mapping(self.usage.get("completion_tokens_details"))
        return Usage(
            prompt_tokens=_count(self.usage.get("prompt_tokens")),
            completion_tokens=_count(self.usage.get("completion_tokens")) or self.num_pieces,
            reasoning_tokens=_count(details.get("reasoning_tokens")),
            cached_tokens=_count(prompt_details.get("cached_tokens")),
            seed=seed,
            timings_ms={
                name: float(self.timings[name])
                for name in ("prompt_ms", "predicted_ms")
                if isinstance(self.timings.get(name), int | float)
            },
        )


def _logprobs(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """Return the log-probabilities of a piece; what is not in OpenAI's form is left out."""
    content = _mapping(choice.get("logprobs")).get("content")
    return tuple(
        TokenLogprob(_text(each.get("token")), each["logprob"], _top(each.get("top_logprobs")))
        for each in map(_mapping, content if isinstance(content, list) else ())
        if isinstance(each.get("logprob"), int | float)
    )


def _top(listed: object) -> dict[str, float]:
    likeliest = map(_mapping, listed if isinstance(listed, list) else ())
    return {
        _text(each.get("token")): each["logprob"]
        for each in likeliest
        if isinstance(each.get("logprob"), int | float)
    }


def _tool_call(call: _Call, place: int) -> ToolCall:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not call.name or not isinstance(arguments, dict):
        raise BackendError(
            f"the server's call of a tool is broken: {call.name or 'no name'} with {call.arguments[:80]!r}",
            hint="allow more max_tokens, or ask again",
        )
    return ToolCall(call.name, arguments, call.id or f"call_{place}")


def _check(event: Event) -> None:
    if event.get("error"):
        raise BackendError(
            f"the server failed while it answered: {said_of(event)}",
            hint="try again; what the server wrote to its log says more",
        )
    if "choices" not in event and not event.get("usage"):
        raise BackendError(
            "what the server answers is no chat completion",
            hint="is this the address of an OpenAI-compatible API? It usually ends in /v1",
        )


def _finish_reason(reason: object) -> FinishReason:
    if reason == "content_filter":
        error = BackendError("the server's content filter ended the answer", hint="say it in other words")
        error.retryable = False
        raise error
    return _FINISHED.get(str(reason), "stop")


def _arguments(said: Mapping[str, Any]) -> str | None:
    calls = said.get("tool_calls")
    if not isinstance(calls, list):
        return None
    # A second call would be a second answer.
    first = [call for call in map(_mapping, calls) if call.get("index", 0) == 0][:1]
    arguments = [_mapping(call.get("function")).get("arguments") for call in first]
    return "".join(each for each in arguments if isinstance(each, str))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
