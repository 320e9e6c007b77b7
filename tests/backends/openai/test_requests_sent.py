"""What is sent for a request: messages, parameters by the server's names, what an endpoint adds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agx.backends.openai.abilities import Abilities, Flavour, Form
from agx.backends.openai.body import chat_body
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.errors import BackendError, Unsupported, UsageError
from agx.requests import GenerationRequest, Message, Parameters
from tests.backends.openai.conftest import Serve, backend_of
from tests.openai_server import Behaviour

SPEC = OpenAISpec("gpt")
REQUEST = GenerationRequest((Message("system", "Plan."), Message("user", "hi")))
DEFAULTS = Parameters()
CHANGED = {
    "temperature": 0.7,
    "top_k": 5,
    "top_p": 0.9,
    "min_p": 0.1,
    "repeat_penalty": 1.2,
    "max_tokens": 99,
}
NAMES = {
    Flavour.OPENAI: {},
    Flavour.VLLM: {"repeat_penalty": "repetition_penalty"},
    Flavour.LLAMA_SERVER: {},
    Flavour.LLAMA_CPP_PYTHON: {},
    Flavour.UNKNOWN: {},
}


def body(request: GenerationRequest = REQUEST, flavour: Flavour = Flavour.UNKNOWN, **more: Any) -> Any:
    return chat_body(replace(SPEC, **more), request, Abilities(flavour, Form.STRICT_SCHEMA), seed=3)


def test_a_request_as_openai_has_it() -> None:
    assert body(flavour=Flavour.OPENAI) == {
        "model": "gpt",
        "messages": [{"role": "system", "content": "Plan."}, {"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": 3,
        "max_tokens": 512,
        "temperature": 0.0,
        "top_p": 1.0,
    }


@pytest.mark.parametrize("flavour", Flavour)
@pytest.mark.parametrize("name", CHANGED)
def test_each_parameter_changes_what_is_sent(flavour: Flavour, name: str) -> None:
    changed = replace(REQUEST, parameters=Parameters.from_dict({name: CHANGED[name]}))
    plain, sent = body(flavour=flavour), body(changed, flavour)
    sent_name = NAMES[flavour].get(name, name)
    assert sent[sent_name] == CHANGED[name]
    assert plain.get(sent_name) != CHANGED[name]


def test_llama_cpp_is_told_what_is_off() -> None:
    """Its own defaults cut off, such as all but the 40 likeliest tokens."""
    sent = body(flavour=Flavour.LLAMA_SERVER)
    assert (sent["top_k"], sent["min_p"], sent["repeat_penalty"]) == (0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("flavour", "is_told"), [(Flavour.LLAMA_SERVER, True), (Flavour.VLLM, True), (Flavour.OPENAI, False)]
)
def test_thinking_is_turned_off_where_templates_are_known(flavour: Flavour, is_told: bool) -> None:
    assert ("chat_template_kwargs" in body(flavour=flavour)) is is_told
    assert "chat_template_kwargs" not in body(replace(REQUEST, reasoning_tokens=None), flavour)


def test_what_an_endpoint_adds_wins() -> None:
    endpoint = Endpoint(extra_body={"temperature": 0.5, "top_a": 1})
    sent = body(endpoint=endpoint)
    assert (sent["temperature"], sent["top_a"]) == (0.5, 1)


@pytest.mark.parametrize("schema", ["{", "[]"])
def test_a_schema_that_is_none_is_refused(schema: str) -> None:
    with pytest.raises(UsageError, match="schema"):
        body(replace(REQUEST, schema=schema))


async def test_an_endpoint_has_its_path_and_headers(serve: Serve) -> None:
    server = serve(Behaviour(lists_models=False))
    backend = backend_of(server, path="/v2/chat/completions", headers={"X-Team": "planners"})
    *_, last = [chunk async for chunk in backend.generate(REQUEST)]
    assert last.finish_reason == "stop"
    assert server.requests[-1].path == "/v1/v2/chat/completions"
    assert server.requests[-1].headers["X-Team"] == "planners"
    await backend.aclose()


async def test_a_server_that_does_not_stream_is_read_all_the_same(serve: Serve) -> None:
    backend = backend_of(serve(Behaviour(streams=False, reply=lambda _body: "hello there")))
    first, last = [chunk async for chunk in backend.generate(REQUEST)]
    assert (first.text, last.finish_reason) == ("hello there", "stop")
    assert last.usage is not None
    assert last.usage.prompt_tokens == 2
    await backend.aclose()


async def test_thoughts_are_no_part_of_the_answer(serve: Serve) -> None:
    backend = backend_of(serve(Behaviour(thoughts="hm", reply=lambda _body: "yes")))
    thought, answer, _last = [chunk async for chunk in backend.generate(REQUEST)]
    assert (thought.text, thought.is_reasoning) == ("hm", True)
    assert (answer.text, answer.is_reasoning) == ("yes", False)
    await backend.aclose()


async def test_pieces_are_counted_where_the_server_does_not(serve: Serve) -> None:
    backend = backend_of(serve(Behaviour(counts=False, reply=lambda _body: "12345678" * 3)))
    *_, last = [chunk async for chunk in backend.generate(REQUEST)]
    assert last.usage is not None
    assert last.usage.completion_tokens == 3
    await backend.aclose()


@pytest.mark.parametrize(
    ("model", "props", "length", "sequences"),
    [
        ({"owned_by": "vllm", "max_model_len": 4096}, None, 4096, 8),
        (
            {"owned_by": "llamacpp", "meta": {"n_ctx_train": 999}},
            {"default_generation_settings": {"n_ctx": 2048}, "total_slots": 3},
            2048,
            3,
        ),
        ({"owned_by": "llamacpp"}, None, None, 1),
        ({"owned_by": "x", "context_length": "many"}, None, None, 1),
    ],
)
async def test_what_a_server_says_of_its_model(
    serve: Serve, model: dict[str, Any], props: dict[str, Any] | None, length: int | None, sequences: int
) -> None:
    backend = backend_of(serve(Behaviour(models=({"id": "scripted", **model},), props=props)))
    facts = await backend.model_facts()
    assert (facts.name, facts.context_length, facts.sequences) == ("scripted", length, sequences)
    await backend.aclose()


async def test_embeddings_come_in_the_order_of_the_texts(serve: Serve) -> None:
    backend = backend_of(serve())
    assert await backend.embed(["a", "four", "by"]) == [[1.0, 1.0], [4.0, 1.0], [2.0, 1.0]]
    assert await backend.embed([]) == []
    await backend.aclose()


async def test_a_server_without_embeddings(serve: Serve) -> None:
    backend = backend_of(serve(Behaviour(embeds=False)))
    with pytest.raises(Unsupported, match="makes no embeddings"):
        await backend.embed(["a"])
    await backend.aclose()


async def test_a_cut_off_answer_says_length(serve: Serve) -> None:
    backend = backend_of(serve(Behaviour(finish_reason="length")))
    *_, last = [chunk async for chunk in backend.generate(REQUEST)]
    assert last.finish_reason == "length"
    await backend.aclose()


async def test_a_filtered_answer_is_an_error(serve: Serve) -> None:
    backend = backend_of(serve(Behaviour(finish_reason="content_filter")))
    with pytest.raises(BackendError, match="content filter"):
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    await backend.aclose()


async def test_a_prompt_is_not_shown(serve: Serve) -> None:
    backend = backend_of(serve())
    with pytest.raises(Unsupported):
        await backend.render(REQUEST)
    await backend.aclose()
