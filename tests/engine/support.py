"""What the engine's tests share: small schemas, and running a request to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from agx.engine.context import Context
from agx.engine.events import DoneEvent, ErrorEvent, PromptEvent, TextEvent
from agx.engine.loop import Engine
from agx.errors import AgxError
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.tools import ToolInfo
from agx.requests import GenerationRequest, Message, Parameters

TOOLS = tuple(ToolInfo(name=name) for name in ("find", "xargs", "wc", "sort", "head", "grep"))
SMALL_LIMITS = PlanLimits(max_tasks=3, max_args=3, max_arg_chars=8, max_path_chars=8, max_text_parts=2)
SMALL_PLANS = plan_schema(TOOLS, SMALL_LIMITS)
USER = ({"role": "user", "content": "list all files"},)


@dataclass(frozen=True)
class Outcome:
    """A whole generation: its pieces of text and of thoughts, and how it ended."""

    texts: tuple[str, ...]
    done: DoneEvent | None
    error: AgxError | None
    thoughts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def finish_reason(self) -> str | None:
        return self.done.finish_reason if self.done else None

    @property
    def usage(self) -> dict[str, Any]:
        assert self.done is not None, self.error
        return self.done.usage.as_dict()


def request(content: str = "list all files", **fields: Any) -> GenerationRequest:
    """Make a request with one message; parameters are given by their names."""
    known = {field.name for field in dataclasses.fields(GenerationRequest)} - {"parameters"}
    given = {name: fields.pop(name) for name in known & fields.keys()}
    messages = given.pop("messages", ({"role": "user", "content": content},))
    return GenerationRequest(
        messages=tuple(Message(**each) for each in messages), parameters=Parameters.from_dict(fields), **given
    )


def abort_next_decode(engine: Engine) -> None:
    """Let the next decode be aborted as by a cancellation that names none of its requests."""
    assert engine._model is not None
    flag = engine._model.abort_flag
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_set_abort_flag", lambda: None)
        flag.set(aborts=True)
        assert engine.step() == []
    flag.set(aborts=False)


def own_context(engine: Engine) -> Context:
    """Return the context of an engine that has run nothing yet, for a test to decode in."""
    assert engine._model is not None
    return engine._model.pool_for(is_seeded=False).context


def finish(engine: Engine, request_id: int = 1) -> Outcome:
    """Step until the request has ended."""
    texts: list[str] = []
    thoughts: list[str] = []
    for _step in range(10_000):
        for event in engine.step():
            assert event.request_id == request_id
            match event:
                case TextEvent(_, text, is_reasoning):
                    (thoughts if is_reasoning else texts).append(text)
                case DoneEvent():
                    assert not engine.has_work
                    return Outcome(tuple(texts), event, None, tuple(thoughts))
                case ErrorEvent(_, error):
                    assert not engine.has_work
                    return Outcome(tuple(texts), None, error, tuple(thoughts))
    raise AssertionError("the generation does not end")


def run_all(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Outcome]:
    """Start these requests, step until all that run have ended, and return their outcomes by number."""
    for number, each in enumerate(requests, start=1):
        engine.start(number, each)
    texts: dict[int, list[str]] = {number: [] for number in engine.request_ids}
    ends: dict[int, DoneEvent | ErrorEvent] = {}
    while engine.has_work:
        for event in engine.step():
            if isinstance(event, TextEvent):
                texts[event.request_id].append(event.text)
            elif not isinstance(event, PromptEvent):
                ends[event.request_id] = event
    return [
        Outcome(tuple(texts[number]), end, None)
        if isinstance(end := ends[number], DoneEvent)
        else Outcome(tuple(texts[number]), None, end.error)
        for number in texts
    ]


def generate(engine: Engine, content: str = "list all files", **fields: Any) -> Outcome:
    """Run one request to its end."""
    engine.start(1, request(content, **fields))
    return finish(engine)
