"""Several backends in order, of which the first that can load its model generates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agx.backends.base import BackendKind, ModelBackend, ModelFacts
from agx.backends.create import create_backend
from agx.backends.fallback import FallbackBackend
from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.scripted import Reply, ScriptedBackend, ScriptedReply
from agx.backends.specs import Attachments, BackendSpec, FallbackSpec, LlamaCppSpec, UnavailableSpec
from agx.errors import (
    AgxError,
    BackendUnreachable,
    ModelMissing,
    ModelUnloadable,
    PromptTooLong,
    Unsupported,
    UsageError,
)
from agx.requests import GenerationRequest, LoadOptions, Message

REQUEST = GenerationRequest((Message("user", "hi"),), seed=1)
PLAN = '{"tasks":[{"command":"ls","args":[]}]}'
MISSING = LlamaCppSpec(Path("/no/such.gguf"))


@dataclass(frozen=True)
class Script:
    """A specification of a scripted backend, whose model cannot be loaded where there is an error."""

    replies: Sequence[Reply] = field(hash=False)
    name: str = "scripted"
    error: AgxError | None = None

    @property
    def backend(self) -> BackendKind:
        return BackendKind.SCRIPTED


class Unloadable(ScriptedBackend):
    """A backend whose model cannot be loaded."""

    def __init__(self, error: AgxError) -> None:
        super().__init__([])
        self.error = error

    async def model_facts(self) -> ModelFacts:
        raise self.error


class Opened:
    """What makes backends, and keeps what it made."""

    def __init__(self) -> None:
        self.backends: list[ModelBackend] = []

    def __call__(self, spec: BackendSpec, attached: Attachments) -> ModelBackend:
        match spec:
            case Script(error=None):
                made: ModelBackend = ScriptedBackend(spec.replies, model_name=spec.name)
            case Script(error=error) if error is not None:
                made = Unloadable(error)
            case _:
                made = create_backend(spec, attached)
        self.backends.append(made)
        return made


def fallback(*specs: BackendSpec, told: list[str] | None = None) -> tuple[FallbackBackend, Opened]:
    opened = Opened()
    attached = Attachments(on_warning=None if told is None else told.append)
    return FallbackBackend(FallbackSpec(specs), attached, create=opened), opened


async def text_of(backend: ModelBackend, request: GenerationRequest = REQUEST) -> str:
    return "".join([chunk.text async for chunk in backend.generate(request)])


async def test_the_first_that_loads_is_used_and_no_other_is_opened() -> None:
    backend, opened = fallback(Script(["one"], "first"), Script(["two"], "second"))
    assert await text_of(backend) == "one"
    assert (await backend.model_facts()).fell_back_from is None
    assert len(opened.backends) == 1


async def test_what_was_fallen_back_from_is_said_once_and_in_the_plan() -> None:
    told: list[str] = []
    backend, _ = fallback(MISSING, Script([PLAN] * 2, "second"), told=told)
    for _ in range(2):
        metadata = (await backend.generate_plan("list files")).metadata
        assert metadata is not None
        assert (metadata.backend, metadata.model) == ("scripted", "second")
        assert metadata.fell_back_from is not None
        assert metadata.fell_back_from.startswith("llamacpp (")
        assert "/no/such.gguf" in metadata.fell_back_from
    assert len(told) == 1
    assert told[0].startswith("scripted takes the place of llamacpp (")


async def test_a_failure_before_the_first_chunk_goes_to_the_next() -> None:
    backend, opened = fallback(
        Script([BackendUnreachable("the server is gone")], "first"), Script([PLAN], "second")
    )
    metadata = (await backend.generate_plan("list files")).metadata
    assert metadata is not None
    assert (metadata.model, metadata.fell_back_from) == ("second", "scripted (the server is gone)")
    first = opened.backends[0]
    assert isinstance(first, ScriptedBackend)
    assert first.is_closed


async def test_a_half_streamed_request_is_never_started_again() -> None:
    half = ScriptedReply("half of it", error=BackendUnreachable("gone"))
    backend, opened = fallback(Script([half], "first"), Script(["all of it"], "second"))
    with pytest.raises(BackendUnreachable):
        await text_of(backend)
    assert len(opened.backends) == 1


@pytest.mark.parametrize("error", [UsageError("u"), PromptTooLong("p")], ids=str)
async def test_what_the_caller_got_wrong_is_no_reason_to_go_on(error: AgxError) -> None:
    backend, opened = fallback(Script([error]), Script(["two"]))
    with pytest.raises(type(error)):
        await text_of(backend)
    assert len(opened.backends) == 1


@pytest.mark.parametrize("error", [ModelUnloadable("broken"), Unsupported("not installed")], ids=str)
async def test_a_model_that_cannot_be_loaded_is_left_to_the_next(error: AgxError) -> None:
    backend, _ = fallback(Script([], error=error), UnavailableSpec(BackendKind.OPENAI, error), Script(["ok"]))
    assert await text_of(backend) == "ok"
    health = await backend.health_check()
    assert health.ok
    assert health.facts["backends"]["openai"] == {"ok": False, "detail": error.message, "hint": ""}


async def test_a_request_that_is_held_to_a_grammar_is_not_given_to_another_model() -> None:
    """The next request is made for the model that took its place."""
    backend, _ = fallback(Script([BackendUnreachable("gone")], "first"), Script(["two"], "second"))
    request = GenerationRequest(REQUEST.messages, grammar="start: /a+/")
    with pytest.raises(BackendUnreachable):
        await text_of(backend, request)
    assert await text_of(backend) == "two"


async def test_where_none_is_left_the_first_error_tells_of_all_and_the_next_call_begins_anew() -> None:
    down = Script([], error=BackendUnreachable("nothing answers"))
    backend, opened = fallback(MISSING, down)
    for number in (1, 2):
        with pytest.raises(ModelMissing, match=r"such\.gguf.*; scripted \(nothing answers\)") as caught:
            await backend.model_facts()
        assert [one["backend"] for one in caught.value.details["tried"]] == ["llamacpp", "scripted"]  # type: ignore[attr-defined]
        assert len(opened.backends) == 2 * number
    assert not (await backend.health_check()).ok


async def test_the_health_of_all_is_known_where_the_first_can_plan(tiny_model: Path) -> None:
    first = LlamaCppSpec(tiny_model, load=LoadOptions(device="cpu", threads=1))
    backend, opened = fallback(first, Script([], error=BackendUnreachable("down")))
    health = await backend.health_check()
    assert health.ok
    assert health.facts["backends"].keys() == {"llamacpp", "scripted"}
    await backend.aclose()
    assert isinstance(opened.backends[0], LlamaCppBackend)
