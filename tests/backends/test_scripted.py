"""The scripted backend plays what it was given, and nothing else."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from agx.backends.scripted import ScriptedBackend, ScriptedReply
from agx.errors import BackendUnreachable, PlanTruncated, UsageError
from agx.requests import GenerationRequest, Message, Parameters

REQUEST = GenerationRequest((Message("user", "two words"),), schema={"type": "object"}, seed=3)


async def text(backend: ScriptedBackend, request: GenerationRequest = REQUEST) -> str:
    return "".join([chunk.text async for chunk in backend.generate(request)])


async def test_plays_the_texts_in_order_and_as_they_are_and_keeps_the_requests() -> None:
    backend = ScriptedBackend(["not what the schema wants", "", lambda request: str(request.seed)])
    assert [await text(backend) for _ in range(3)] == ["not what the schema wants", "", "3"]
    assert backend.requests == [REQUEST] * 3
    assert backend.stopped == 0
    with pytest.raises(UsageError, match="only 3 replies"):
        await text(backend)


async def test_plays_errors_at_once_or_after_some_text() -> None:
    unreachable = BackendUnreachable("no connection")
    late = ScriptedReply("begun", error=PlanTruncated("ended", text="begun"))
    backend = ScriptedBackend([unreachable, late, lambda _request: unreachable])
    with pytest.raises(BackendUnreachable):
        await text(backend)
    late_stream = backend.generate(REQUEST)
    assert (await anext(late_stream)).text == "begun"
    with pytest.raises(PlanTruncated):
        await anext(late_stream)
    with pytest.raises(BackendUnreachable):
        await text(backend)


async def test_the_last_chunk_tells_how_it_ended() -> None:
    backend = ScriptedBackend([ScriptedReply("123456789", finish_reason="length")], chunk_characters=4)
    chunks = [chunk async for chunk in backend.generate(REQUEST)]
    assert [chunk.text for chunk in chunks] == ["1234", "5678", "9", ""]
    assert chunks[-1].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (2, 3)


async def test_counts_the_generations_that_were_left() -> None:
    backend = ScriptedBackend(["a long text that nobody reads", "another"])
    async with aclosing(backend.generate(REQUEST)) as chunks:
        await anext(chunks)
    assert backend.stopped == 1
    assert await text(backend, GenerationRequest((), parameters=Parameters())) == "another"
    assert "0 replies left" in repr(backend)
