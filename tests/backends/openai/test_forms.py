"""How a server is found out: which form of a schema it takes, what it refuses; that this is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agx.backends.openai.abilities import FORMS, Abilities, Flavour, Form, after_refusal, flavour_of
from agx.errors import BackendUnreachable, ConfigError, UsageError
from agx.requests import GenerationRequest, Message, Parameters
from tests.backends.openai.conftest import Serve, backend_of
from tests.openai_server import Behaviour, Refusal, forms_in

SCHEMA = {"type": "object", "properties": {"tasks": {"type": "array"}}, "required": ["tasks"]}
REQUEST = GenerationRequest((Message("user", "plan"),), schema=SCHEMA, parameters=Parameters(max_tokens=64))
OWNERS = {Flavour.VLLM: "vllm", Flavour.LLAMA_SERVER: "llamacpp", Flavour.UNKNOWN: "somebody"}


@pytest.mark.parametrize(
    ("flavour", "form"), [(flavour, form) for flavour in OWNERS for form in FORMS[flavour]]
)
async def test_a_server_is_asked_in_the_strongest_form_that_it_knows(
    serve: Serve, flavour: Flavour, form: Form
) -> None:
    models = ({"id": "scripted", "owned_by": OWNERS[flavour]},)
    server = serve(Behaviour(knows=frozenset({form}), models=models))
    backend = backend_of(server)
    for _ in range(2):
        text = "".join([chunk.text async for chunk in backend.generate(REQUEST)])
        assert text == '{"tasks":[]}'
    assert backend.abilities == Abilities(flavour, form)
    asked = FORMS[flavour].index(form) + 1
    said = [forms_in(body) for body in server.chats]
    assert said[asked - 1 :] == [[] if form is Form.PROMPT else [form]] * 2
    assert len(said) == asked + 1  # found out once
    await backend.aclose()


async def test_a_form_that_a_server_takes_and_ignores_is_left(serve: Serve) -> None:
    def reply(body: dict[str, object]) -> str:
        return '{"tasks":[]}' if "structured_outputs" in body else "Sure! Here is a plan."

    models = ({"id": "scripted", "owned_by": "vllm"},)
    server = serve(Behaviour(ignores=frozenset({Form.STRICT_SCHEMA}), models=models, reply=reply))
    backend = backend_of(server)
    texts = ["".join([chunk.text async for chunk in backend.generate(REQUEST)]) for _ in range(3)]
    assert texts == ["Sure! Here is a plan.", '{"tasks":[]}', '{"tasks":[]}']
    assert backend.abilities.form is Form.STRUCTURED_OUTPUTS
    await backend.aclose()


async def test_a_server_that_ignores_the_choice_of_a_tool_is_read_all_the_same(serve: Serve) -> None:
    server = serve(Behaviour(knows=frozenset({Form.PROMPT}), ignores=frozenset({Form.TOOL})))
    backend = backend_of(server)
    text = "".join([chunk.text async for chunk in backend.generate(REQUEST)])
    assert text == '{"tasks":[]}'
    await backend.aclose()


async def test_words_say_the_schema_where_nothing_else_does(serve: Serve) -> None:
    server = serve(Behaviour(knows=frozenset({Form.PROMPT})))
    backend = backend_of(server)
    _ = [chunk async for chunk in backend.generate(REQUEST)]
    first = server.chats[-1]["messages"][0]
    assert first["role"] == "system"
    assert '"required":["tasks"]' in first["content"]
    await backend.aclose()


async def test_what_a_model_refuses_is_left_out_with_a_warning_and_remembered(serve: Serve) -> None:
    refused = frozenset({"max_tokens", "temperature", "seed", "stream_options"})
    server = serve(Behaviour(refused_fields=refused))
    warnings: list[str] = []
    backend = backend_of(server, warnings)
    for _ in range(2):
        *_, last = [chunk async for chunk in backend.generate(REQUEST)]
        assert last.finish_reason == "stop"
    sent = server.chats[-1]
    assert sent["max_completion_tokens"] == 64
    assert not refused & sent.keys()
    assert warnings == [
        "scripted takes no seed: the server's own is used",
        "scripted takes no temperature: the server's own is used",
    ]
    assert len(server.chats) == len(refused) + 2
    await backend.aclose()


async def test_a_refusal_that_no_form_helps_against_is_the_error(serve: Serve) -> None:
    refusals = [Refusal(400, {"error": {"message": "no odd requests, please"}}) for _ in range(20)]
    server = serve(Behaviour(refusals=refusals))
    backend = backend_of(server)
    with pytest.raises(UsageError, match="no odd requests, please"):
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert len(server.chats) == len(FORMS[Flavour.UNKNOWN])
    assert backend.abilities.form is Form.STRICT_SCHEMA  # nothing was learnt
    await backend.aclose()


@pytest.mark.parametrize(("status", "error"), [(401, ConfigError), (429, BackendUnreachable)])
async def test_other_refusals_are_not_asked_again(serve: Serve, status: int, error: type[Exception]) -> None:
    server = serve(Behaviour(refusals=[Refusal(status, {"error": {"message": "no schema today"}})]))
    backend = backend_of(server)
    with pytest.raises(error):
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert len(server.chats) == 1
    await backend.aclose()


@pytest.mark.parametrize(
    ("url", "owners", "server", "flavour"),
    [
        ("https://api.openai.com/v1", {"system"}, "cloudflare", Flavour.OPENAI),
        ("https://api.openai.com.example.org/v1", {"system"}, "", Flavour.UNKNOWN),
        ("http://localhost:8000/v1", {"vllm"}, "uvicorn", Flavour.VLLM),
        ("http://localhost:8080/v1", {"llamacpp"}, "", Flavour.LLAMA_SERVER),
        ("http://localhost:8080/v1", set[str](), "llama.cpp", Flavour.LLAMA_SERVER),
        ("http://localhost:8000/v1", {"me"}, "uvicorn", Flavour.LLAMA_CPP_PYTHON),
        ("http://localhost:1234/v1", {"organization_owner"}, "", Flavour.UNKNOWN),
    ],
)
def test_whose_server_it_is(url: str, owners: set[str], server: str, flavour: Flavour) -> None:
    assert flavour_of(url, frozenset(owners), server) is flavour


def test_a_request_without_schema_has_no_form_to_change() -> None:
    assert after_refusal(Abilities(), 400, "no", has_schema=False) is None
    assert after_refusal(Abilities(), 500, "out of memory", has_schema=True) is None
    weaker = after_refusal(Abilities(), 500, "failed to parse grammar", has_schema=True)
    assert weaker == replace(Abilities(), form=Form.SCHEMA)
