"""What every backend does, held against each of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agx.backends.base import BackendKind, ModelBackend
from agx.backends.chats import whole_answer
from agx.backends.create import create_backend
from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.openai.backend import OpenAIBackend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.backends.scripted import ScriptedBackend, ScriptedReply
from agx.backends.specs import FallbackSpec, LlamaCppSpec
from agx.backends.transformers.spec import TransformersSpec
from agx.errors import ConfigError, DeadlineExceeded, Unsupported, UsageError
from agx.requests import Chunk, GenerationRequest, LoadOptions, Message, Parameters
from tests.fake_ollama import FakeModel, fake_ollama, tiny_backend
from tests.openai_server import Behaviour, openai_server
from tests.tiny_transformers import needed_libraries, write_tiny_model

FREED_SECS = 0.25
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = {
    "id": "call_0",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
}
SHORT = GenerationRequest((Message("user", "hi"),), parameters=Parameters(max_tokens=8), seed=7)
# Tens of seconds, unless something stops it: the penalty below 1 makes a model repeat itself for ever.
LONG = GenerationRequest(
    (Message("user", "go on"),), parameters=Parameters(max_tokens=30_000, repeat_penalty=0.01)
)


@dataclass(frozen=True)
class Case:
    """A backend and what it has to say of itself."""

    backend: ModelBackend
    kind: BackendKind
    name: str
    embeds: bool = False


def _llamacpp(tiny_model: Path, _stack: ExitStack) -> Case:
    backend = LlamaCppBackend(
        LlamaCppSpec(tiny_model, load=LoadOptions(device="cpu", context_size=40_000, threads=1))
    )
    return Case(backend, BackendKind.LLAMACPP, "tiny", embeds=True)


def _scripted(_tiny_model: Path, _stack: ExitStack) -> Case:
    def reply(request: GenerationRequest) -> ScriptedReply:
        is_long = request.parameters.max_tokens > 1000
        return ScriptedReply("word " * (10_000 if is_long else 4), chunk_delay_secs=0.005 * is_long)

    return Case(ScriptedBackend([reply] * 10), BackendKind.SCRIPTED, "scripted")


def _openai(_tiny_model: Path, stack: ExitStack) -> Case:
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")

    def reply(body: dict[str, Any]) -> str:
        is_long = body["max_tokens"] > 1000
        server.behaviour.pause_secs = 0.005 * is_long
        return "word " * (10_000 if is_long else 4)

    server = stack.enter_context(openai_server(Behaviour(reply=reply)))
    backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(server.url)))
    return Case(backend, BackendKind.OPENAI, "scripted", embeds=True)


def _ollama(tiny_model: Path, stack: ExitStack) -> Case:
    server = stack.enter_context(fake_ollama({"tiny": FakeModel(tiny_backend(tiny_model))}))
    return Case(create_backend(OllamaSpec("tiny", server.url)), BackendKind.OLLAMA, "tiny", embeds=True)


def _fallback(tiny_model: Path, stack: ExitStack) -> Case:
    """From a model that is not there, and a server that does not answer, to one that does."""
    server = stack.enter_context(fake_ollama({"tiny": FakeModel(tiny_backend(tiny_model))}))
    missing = LlamaCppSpec(tiny_model.with_name("missing.gguf"))
    dead = OllamaSpec("tiny", "http://127.0.0.1:9")
    spec = FallbackSpec((missing, dead, OllamaSpec("tiny", server.url)))
    return Case(create_backend(spec), BackendKind.OLLAMA, "tiny", embeds=True)


def _transformers(tiny_model: Path, _stack: ExitStack) -> Case:
    needed_libraries()
    folder = tiny_model.with_name("tiny-hf")
    if not folder.exists():
        write_tiny_model(folder)
    spec = TransformersSpec(folder, load=LoadOptions(device="cpu", threads=1))
    return Case(create_backend(spec), BackendKind.TRANSFORMERS, "tiny-hf", embeds=True)


MAKERS = {
    "llamacpp": _llamacpp,
    "scripted": _scripted,
    "openai": _openai,
    "ollama": _ollama,
    "fallback": _fallback,
    "transformers": _transformers,
}


@pytest.fixture(params=MAKERS)
async def case(request: pytest.FixtureRequest, tiny_model: Path) -> AsyncIterator[Case]:
    """Each backend in turn."""
    with ExitStack() as stack:
        made = MAKERS[request.param](tiny_model, stack)
        if request.param == "fallback":
            await made.backend.model_facts()
        yield made
        await made.backend.aclose()


async def collect(backend: ModelBackend, request: GenerationRequest = SHORT) -> list[Chunk]:
    return [chunk async for chunk in backend.generate(request)]


async def test_speaks_the_protocol_and_says_what_it_is(case: Case) -> None:
    assert isinstance(case.backend, ModelBackend)
    assert case.backend.backend_type is case.kind
    facts = await case.backend.model_facts()
    assert (facts.name, case.backend.model_name) == (case.name, case.name)
    assert facts.sha256 is None or len(facts.sha256) == 64
    assert facts.context_length is None or facts.context_length > 0


async def test_only_the_last_chunk_has_the_usage_and_why_it_ended(case: Case) -> None:
    *chunks, last = await collect(case.backend)
    assert all(chunk.text and chunk.finish_reason is None and chunk.usage is None for chunk in chunks)
    assert last.finish_reason in {"stop", "length"}
    assert last.usage is not None
    assert last.usage.prompt_tokens > 0
    assert last.usage.completion_tokens > 0
    assert last.usage.seed == 7


async def test_the_same_request_gives_the_same_text(case: Case) -> None:
    texts = ["".join(chunk.text for chunk in await collect(case.backend)) for _ in range(2)]
    assert texts[0] == texts[1]


async def test_a_seed_is_drawn_and_told_where_none_is_given(case: Case) -> None:
    request = GenerationRequest(SHORT.messages, parameters=SHORT.parameters)
    usage = (await collect(case.backend, request))[-1].usage
    assert usage is not None
    assert isinstance(usage.seed, int)


async def test_a_backend_that_takes_a_grammar_keeps_to_it(case: Case) -> None:
    """Others refuse one, or play what they were given."""
    request = replace(SHORT, grammar='start: "find " ("all" | "any")')
    takes_grammar = (await case.backend.model_facts()).takes_grammar
    try:
        text = "".join(chunk.text for chunk in await collect(case.backend, request))
    except Unsupported:
        assert not takes_grammar
    else:
        assert not takes_grammar or text in {"find all", "find any"}


async def test_leaving_the_stream_stops_the_generation(case: Case) -> None:
    async with aclosing(case.backend.generate(LONG)) as chunks:
        await anext(chunks)
    started = time.monotonic()
    assert (await collect(case.backend))[-1].finish_reason is not None
    assert time.monotonic() - started < FREED_SECS


async def test_cancelling_the_consumer_stops_the_generation(case: Case) -> None:
    await collect(case.backend)
    task = asyncio.create_task(collect(case.backend, LONG))
    await asyncio.sleep(0.1)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await collect(case.backend))[-1].finish_reason is not None
    assert time.monotonic() - started < FREED_SECS


async def test_the_deadline_is_kept(case: Case) -> None:
    await collect(case.backend)
    request = GenerationRequest(LONG.messages, parameters=LONG.parameters, deadline_secs=0.3)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await collect(case.backend, request)
    assert time.monotonic() - started < 1.0
    assert (await collect(case.backend))[-1].finish_reason is not None


async def test_requests_at_once_do_not_mix(case: Case) -> None:
    replies = await asyncio.gather(*(collect(case.backend) for _ in range(4)))
    assert len({"".join(chunk.text for chunk in reply) for reply in replies}) == 1


async def test_a_chat_is_answered_within_its_parameters(case: Case) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    answer = await whole_answer(
        case.backend.chat(messages, parameters={"max_tokens": 6, "temperature": 0.0}, seed=7)
    )
    assert answer.text
    assert answer.usage.seed == 7
    assert answer.usage.completion_tokens <= 6
    assert answer.message == Message("assistant", answer.text)


async def test_a_chat_goes_on_from_what_tools_returned(case: Case) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Rome?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "sunny", "tool_call_id": "call_0"},
    ]
    answer = await whole_answer(case.backend.chat(messages, tools=[WEATHER], parameters={"max_tokens": 6}))
    assert answer.finish_reason in {"stop", "length"}


async def test_leaving_a_chat_stops_the_generation(case: Case) -> None:
    async with aclosing(
        case.backend.chat([{"role": "user", "content": "go on"}], parameters=LONG.parameters)
    ) as chunks:
        await anext(chunks)
    started = time.monotonic()
    assert (await collect(case.backend))[-1].finish_reason is not None
    assert time.monotonic() - started < FREED_SECS


async def test_what_cannot_be_asked_is_refused_before_anything_is(case: Case) -> None:
    with pytest.raises(UsageError, match="message 1 has the role 'bishop'"):
        await whole_answer(case.backend.chat([{"role": "bishop", "content": "hi"}]))
    with pytest.raises(ConfigError, match="temprature"):
        await whole_answer(
            case.backend.chat([{"role": "user", "content": "hi"}], parameters={"temprature": 1})
        )


async def test_embeds_each_text_in_order_or_says_that_it_cannot(case: Case) -> None:
    if not case.embeds:
        with pytest.raises(Unsupported):
            await case.backend.embed(["text"])
        return
    one, two, again = await case.backend.embed(["text", "other words", "text"])
    assert len(one) == len(two)
    assert all(isinstance(number, float) for number in one + two)
    assert again == pytest.approx(one, abs=1e-3)
    assert again != pytest.approx(two, abs=1e-3)
    assert await case.backend.embed([]) == []
    with pytest.raises(UsageError, match="text 2 is empty"):
        await case.backend.embed(["text", ""])


async def test_a_healthy_backend_says_so(case: Case) -> None:
    assert (await case.backend.health_check()).ok


async def test_closes_twice_and_refuses_what_comes_after(case: Case) -> None:
    await collect(case.backend)
    await case.backend.aclose()
    await case.backend.aclose()
    with pytest.raises(UsageError, match="closed"):
        await collect(case.backend)
    assert not (await case.backend.health_check()).ok
