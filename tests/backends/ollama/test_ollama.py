"""Plans and embeddings from Ollama, by the real client and a fake server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from agx.backends.ollama.backend import OllamaBackend
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.scripted import Reply, ScriptedBackend, ScriptedReply
from agx.errors import (
    BackendError,
    ModelMissing,
    PlanInvalid,
    PromptTooLong,
    Unsupported,
    UsageError,
)
from agx.models.resolve import embedded_model
from agx.requests import GenerationRequest, Message, Parameters
from tests.fake_ollama import FakeModel, FakeOllama, fake_ollama, tiny_backend

OPENAPI = Path(__file__).parents[4] / "shared" / "data" / "ollama" / "openapi.yaml"
PLAN = '{"tasks":[{"command":"ls","args":[]}]}'
REQUEST = GenerationRequest((Message("user", "hi"),), seed=3)


def script(*replies: Reply, **more: Any) -> dict[str, FakeModel]:
    """Return the models of a server whose model `m` writes these texts, whatever the format."""
    return {"m": FakeModel(ScriptedBackend(replies), **more)}


async def text_of(backend: OllamaBackend, request: GenerationRequest = REQUEST) -> str:
    return "".join([chunk.text async for chunk in backend.generate(request) if not chunk.is_reasoning])


def backend_of(server: FakeOllama, **more: Any) -> OllamaBackend:
    return OllamaBackend(OllamaSpec("m", server.url, **more))


@pytest.fixture(scope="module")
def planner_server() -> Iterator[FakeOllama]:
    """A server that has the embedded planner, as `agx models share` gives it to Ollama."""
    model = FakeModel(tiny_backend(embedded_model(), context_size=None), info={"agx.planner.tools": "unix"})
    with fake_ollama({"m": model}) as server:
        yield server


async def test_a_plan_is_made_under_its_schema(planner_server: FakeOllama) -> None:
    backend = backend_of(planner_server)
    generated = await backend.generate_plan("list all rust files and count lines")
    assert generated.plan.tasks[0].command == "find"
    metadata = generated.metadata
    assert metadata is not None
    assert (metadata.backend, metadata.model) == ("ollama", "m")
    assert metadata.prompt_tokens
    assert metadata.completion_tokens
    body = planner_server.asked("/api/chat")[-1]
    assert body["format"]["type"] == "object"
    assert (body["stream"], "think" in body, "keep_alive" in body) == (True, False, False)
    await backend.aclose()


async def test_parameters_go_by_ollamas_names() -> None:
    parameters = Parameters(temperature=0.5, top_k=7, top_p=0.9, min_p=0.1, repeat_penalty=1.2, max_tokens=33)
    with fake_ollama(script("yes")) as server:
        backend = backend_of(server, keep_alive="5m", context_size=6000)
        await text_of(backend, GenerationRequest(REQUEST.messages, parameters=parameters, seed=9))
        await backend.aclose()
    body = server.asked("/api/chat")[0]
    assert body["keep_alive"] == "5m"
    assert body["options"] == {
        "seed": 9,
        "num_predict": 33,
        "num_ctx": 6000,
        "temperature": 0.5,
        "top_k": 7,
        "top_p": 0.9,
        "min_p": 0.1,
        "repeat_penalty": 1.2,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
    }


@pytest.mark.parametrize(("tokens", "thinks"), [(0, False), (None, False), (100, True)])
async def test_a_model_that_can_think_is_told_whether_to(tokens: int | None, thinks: bool) -> None:
    reply = ScriptedReply("yes", thoughts="let me see")
    with fake_ollama(script(reply, capabilities=("completion", "thinking"))) as server:
        backend = backend_of(server)
        request = GenerationRequest(REQUEST.messages, reasoning_tokens=tokens, seed=1)
        chunks = [chunk async for chunk in backend.generate(request)]
        await backend.aclose()
    assert "".join(chunk.text for chunk in chunks if chunk.is_reasoning) == "let me see"
    assert "".join(chunk.text for chunk in chunks if not chunk.is_reasoning) == "yes"
    body = server.asked("/api/chat")[0]
    assert body["think"] is thinks
    assert body["options"]["num_predict"] == 512 + (tokens or 0)


async def test_a_server_that_ignores_the_schema_is_asked_once_more_with_the_error() -> None:
    with fake_ollama(script("Sure! Here you are.", PLAN)) as server:
        backend = backend_of(server)
        generated = await backend.generate_plan("list files")
        await backend.aclose()
    assert [task.command for task in generated.plan.tasks] == ["ls"]
    first, second = server.asked("/api/chat")
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assistant, user = second["messages"][len(first["messages"]) :]
    assert assistant == {"role": "assistant", "content": "Sure! Here you are."}
    assert user["content"].startswith("That is not a valid plan: ")


async def test_a_second_text_that_is_no_plan_is_the_end() -> None:
    with fake_ollama(script("no", "no again", PLAN)) as server:
        backend = backend_of(server)
        with pytest.raises(PlanInvalid) as caught:
            await backend.generate_plan("list files")
        await backend.aclose()
    assert caught.value.text == "no again"
    assert len(server.asked("/api/chat")) == 2


async def test_a_model_that_is_not_there_is_named_with_what_to_do() -> None:
    with fake_ollama({}) as server:
        backend = backend_of(server)
        with pytest.raises(ModelMissing, match="has no model m") as caught:
            await backend.generate_plan("list files")
        assert caught.value.hint == "fetch it with: ollama pull m"
        health = await backend.health_check()
        await backend.aclose()
    assert not health.ok
    assert "ollama pull m" in str(health.facts["hint"])


async def test_a_prompt_that_the_server_cuts_off_is_an_error(tiny_model: Path) -> None:
    """The small model has a token a byte: the two messages of the beginning are dropped without a word."""
    messages = (Message("user", "a" * 4000), Message("assistant", "b" * 4000), Message("user", "c"))
    with fake_ollama({"m": FakeModel(tiny_backend(tiny_model))}) as server:
        backend = backend_of(server, context_size=2000)
        with pytest.raises(PromptTooLong, match="cut the prompt off"):
            await text_of(backend, GenerationRequest(messages, parameters=Parameters(max_tokens=4)))
        await backend.aclose()


async def test_leaving_closes_the_connection_and_stops_the_server(tiny_model: Path) -> None:
    long = Parameters(max_tokens=30_000, repeat_penalty=0.01)
    with fake_ollama({"m": FakeModel(tiny_backend(tiny_model))}) as server:
        backend = backend_of(server)
        async with aclosing(backend.generate(GenerationRequest(REQUEST.messages, parameters=long))) as chunks:
            await anext(chunks)
        left_at = time.monotonic()
        while not server.stopped and time.monotonic() - left_at < 5:
            await asyncio.sleep(0.01)
        assert time.monotonic() - left_at < 0.25
        await backend.aclose()


async def test_each_text_has_its_embedding_and_none_is_cut_off() -> None:
    with fake_ollama(script(capabilities=("embedding",))) as server:
        backend = backend_of(server)
        one, two, three = await backend.embed(["one", "two", "three"])
        assert len(one) == len(two) == len(three)
        assert one != two
        with pytest.raises(UsageError, match="exceeds"):
            await backend.embed(["x" * 9000])
        with pytest.raises(Unsupported, match="embeddings"):
            await text_of(backend)
        await backend.aclose()
    assert server.asked("/api/embed")[0] == {
        "model": "m",
        "input": ["one", "two", "three"],
        "truncate": False,
    }


async def test_an_answer_that_only_loaded_the_model_is_no_text() -> None:
    with fake_ollama(script(ScriptedReply("", finish_reason="cancelled"))) as server:
        backend = backend_of(server)
        with pytest.raises(BackendError, match="cancelled"):
            await text_of(backend)
        await backend.aclose()


@pytest.mark.skipif(not OPENAPI.is_file(), reason="shared/data/ollama/openapi.yaml is not here")
async def test_what_is_said_is_what_ollamas_description_says(planner_server: FakeOllama) -> None:
    """Requests of the real client and answers of the fake alike."""
    backend = backend_of(planner_server)
    await backend.generate_plan("sort a.txt")
    await backend.embed(["one"])
    await backend.aclose()
    described = yaml.safe_load(OPENAPI.read_text())
    names = {"/api/chat": "Chat", "/api/show": "Show", "/api/embed": "Embed"}
    seen = set()
    for path, body, answers in planner_server.exchanges:
        response = "ChatStreamEvent" if path == "/api/chat" else f"{names[path]}Response"
        for value, kind in [(body, f"{names[path]}Request"), *((each, response) for each in answers)]:
            schema = {"$ref": f"#/components/schemas/{kind}", "components": described["components"]}
            Draft202012Validator(schema).validate(value)
            seen.add(kind)
    assert seen >= {"ChatRequest", "ChatStreamEvent", "ShowRequest", "ShowResponse", "EmbedRequest"}
